import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

const root = path.join(__dirname, '..', '..');

export type LogLine = Record<string, unknown> & { msg: string };

/** The application in a process of its own, as a container would run it. */
export function spawnServer(env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/index.ts'], {
    cwd: root,
    env: { ...process.env, PORT: '0', LOG_LEVEL: 'info', SHUTDOWN_GRACE_MS: '8000', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

  const logs: LogLine[] = [];
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => logs.push(JSON.parse(line) as LogLine));

  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));

  const closed = once(child, 'close').then(([code]) => ({ code: code as number | null, stderr }));

  return {
    logs,
    closed,
    kill: (signal: NodeJS.Signals) => child.kill(signal),

    /** Resolves to the first line with this message, logged already or still to come. */
    async logged(msg: string): Promise<LogLine> {
      for (;;) {
        const found = logs.find((line) => line.msg === msg);
        if (found) return found;
        const ended = await Promise.race([
          once(lines, 'line').then(() => false),
          closed.then(() => true),
        ]);
        if (ended) throw new Error(`The server ended without logging "${msg}". ${stderr}`);
      }
    },
  };
}

export type ServerProcess = ReturnType<typeof spawnServer>;
