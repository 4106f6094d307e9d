import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApp } from './app';
import { ConfigError, loadConfig } from './config';
import type { Config } from './config';
import { createLogger } from './logger';
import { closeGracefully } from './shutdown';
import { version } from './version';

function start(config: Config): void {
  const logger = createLogger(config.logLevel);
  const server = createServer(createApp(logger));
  let stopping = false;

  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (stopping) return;
    stopping = true;
    const closing = closeGracefully(server, config.shutdownGraceMs);
    logger.info({ signal }, 'stopping');
    if (await closing) logger.info('stopped');
    else logger.warn('stopped, with requests cut off after the grace period');
    process.exit(0);
  };

  // As PID 1 of a container Node gets no default action for these signals, so both need a handler.
  process.on('SIGTERM', (signal) => void stop(signal));
  process.on('SIGINT', (signal) => void stop(signal));

  server.once('error', (error) => {
    logger.fatal({ err: error }, 'cannot listen');
    process.exit(1);
  });
  server.listen(config.port, '0.0.0.0', () => {
    const { address, port } = server.address() as AddressInfo;
    logger.info({ version, node: process.version, address, port }, 'listening');
  });
}

try {
  start(loadConfig(process.env));
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
