import { z } from 'zod';

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const integer = (min: number, max: number, fallback: number) => {
  const message = `must be an integer from ${String(min)} to ${String(max)}`;
  return z
    .string()
    .regex(/^\d+$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message)
    .default(fallback);
};

const environment = z.object({
  PORT: integer(0, 65_535, 3000),
  LOG_LEVEL: z.enum(logLevels, `must be one of ${logLevels.join(', ')}`).default('info'),
  SHUTDOWN_GRACE_MS: integer(0, 60_000, 8000),
});

export interface Config {
  port: number;
  logLevel: (typeof logLevels)[number];
  shutdownGraceMs: number;
}

export class ConfigError extends Error {}

export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    const complaints = parsed.error.issues.map(({ path, message }) => {
      const name = path.join('.');
      return `${name} ${message}, not ${JSON.stringify(env[name])}`;
    });
    throw new ConfigError(`Invalid configuration: ${complaints.join('; ')}.`);
  }
  const { PORT, LOG_LEVEL, SHUTDOWN_GRACE_MS } = parsed.data;
  return { port: PORT, logLevel: LOG_LEVEL, shutdownGraceMs: SHUTDOWN_GRACE_MS };
}
