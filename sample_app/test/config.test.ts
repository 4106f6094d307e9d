import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigError, loadConfig } from '../src/config';

describe('configuration', () => {
  it('has a default for every variable', () => {
    assert.deepEqual(loadConfig({}), { port: 3000, logLevel: 'info', shutdownGraceMs: 8000 });
  });

  it('reads the environment', () => {
    const env = { PORT: '8080', LOG_LEVEL: 'debug', SHUTDOWN_GRACE_MS: '250' };
    assert.deepEqual(loadConfig(env), { port: 8080, logLevel: 'debug', shutdownGraceMs: 250 });
  });

  for (const PORT of ['', 'http', '-1', '80.5', '0x50', '65536', ' 3000']) {
    it(`refuses the port ${JSON.stringify(PORT)}`, () => {
      assert.throws(() => loadConfig({ PORT }), {
        message: `Invalid configuration: PORT must be an integer from 0 to 65535, not ${JSON.stringify(PORT)}.`,
      });
    });
  }

  it('names every variable at fault in one message', () => {
    assert.throws(
      () => loadConfig({ PORT: 'http', LOG_LEVEL: 'loud' }),
      (error) =>
        error instanceof ConfigError && /PORT.*; LOG_LEVEL must be one of/.test(error.message),
    );
  });
});
