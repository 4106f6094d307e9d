import { destination, pino, stdTimeFunctions } from 'pino';
import type { Logger } from 'pino';
import type { Config } from './config';

export type { Logger };

export function createLogger(level: Config['logLevel']): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // pino writes asynchronously by default, and the last lines before process.exit() change places.
    destination({ sync: true }),
  );
}
