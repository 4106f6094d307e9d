import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { freshApi } from './support/api';

it('reports its state, version, uptime and Node version', async () => {
  const manifest = readFileSync(path.join(__dirname, '..', 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };

  const { body } = (await freshApi().get('/healthz').expect(200)) as {
    body: { uptimeSeconds: number };
  };

  assert.ok(Number.isInteger(body.uptimeSeconds) && body.uptimeSeconds >= 0);
  assert.deepEqual(body, {
    status: 'ok',
    version,
    uptimeSeconds: body.uptimeSeconds,
    node: process.version,
  });
});
