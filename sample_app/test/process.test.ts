import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { after, describe, it } from 'node:test';
import { order } from './support/api';
import { spawnServer } from './support/server';
import type { ServerProcess } from './support/server';

// Node closes an idle connection by itself after 5 seconds; a server that waits for that is cut off first.
const shorterThanKeepAlive = '4000';

const servers: ServerProcess[] = [];

after(() => {
  for (const server of servers) server.kill('SIGKILL');
});

function spawnTracked(env?: Record<string, string>): ServerProcess {
  const server = spawnServer(env);
  servers.push(server);
  return server;
}

async function listening(env?: Record<string, string>) {
  const server = spawnTracked(env);
  const { port } = await server.logged('listening');
  return { server, port: port as number, url: `http://127.0.0.1:${String(port)}` };
}

/** Sends the head of a POST and resolves once the server holds the request, its body still owing. */
async function openPost(url: string): Promise<{ request: ClientRequest; body: string }> {
  const body = JSON.stringify(order);
  const request = http.request(`${url}/shipments`, {
    method: 'POST',
    agent: new http.Agent({ keepAlive: true }),
    headers: {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      Expect: '100-continue',
    },
  });
  request.flushHeaders();
  await once(request, 'continue');
  return { request, body };
}

describe('a running server', () => {
  it('listens on every interface and logs each request in one line', async () => {
    const { server, url } = await listening();
    const response = await fetch(`${url}/shipments?page=1`, {
      headers: { 'X-Request-Id': 'abc-1' },
    });
    const line = await server.logged('request completed');

    assert.equal((await server.logged('listening')).address, '0.0.0.0');
    assert.equal(response.headers.get('X-Request-Id'), 'abc-1');
    assert.equal(typeof line.durationMs, 'number');
    assert.deepEqual(line, {
      level: 'info',
      time: line.time,
      requestId: 'abc-1',
      method: 'GET',
      path: '/shipments',
      status: 200,
      durationMs: line.durationMs,
      msg: 'request completed',
    });
  });

  it('replaces a request id that could not stand in a log', async () => {
    const { url } = await listening();
    const response = await fetch(`${url}/healthz`, { headers: { 'X-Request-Id': '{"a": 1}' } });
    assert.match(response.headers.get('X-Request-Id') ?? '', /^[0-9a-f-]{36}$/);
  });
});

describe('a stopping server', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`exits with 0 on ${signal}, without waiting for idle connections`, async () => {
      const { server, url } = await listening({ SHUTDOWN_GRACE_MS: shorterThanKeepAlive });
      await (await fetch(`${url}/healthz`)).text();
      await server.logged('request completed');

      server.kill(signal);

      assert.deepEqual(await server.closed, { code: 0, stderr: '' });
      assert.deepEqual(
        server.logs.map(({ msg }) => msg),
        ['listening', 'request completed', 'stopping', 'stopped'],
      );
    });
  }

  it('finishes the request in flight and accepts no new one', async () => {
    const { server, url } = await listening({ SHUTDOWN_GRACE_MS: shorterThanKeepAlive });
    const { request, body } = await openPost(url);

    server.kill('SIGTERM');
    await server.logged('stopping');
    await assert.rejects(once(http.get(url), 'response'), { code: 'ECONNREFUSED' });

    request.end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const shipment = (await json(response)) as typeof order;

    assert.equal(response.statusCode, 201);
    assert.equal(shipment.reference, order.reference);
    assert.equal((await server.closed).code, 0);
    assert.ok(server.logs.some(({ msg }) => msg === 'stopped'));
  });

  it('cuts a request that outlasts the grace period', async () => {
    const { server, url } = await listening({ SHUTDOWN_GRACE_MS: '200' });
    const { request } = await openPost(url);
    const cut = once(request, 'response');

    server.kill('SIGTERM');

    await assert.rejects(cut, { code: 'ECONNRESET' });
    assert.equal((await server.closed).code, 0);
    assert.ok(server.logs.some(({ level, msg }) => level === 'warn' && msg.includes('cut off')));
  });
});

describe('a server that cannot start', () => {
  it('says in one line what is wrong with its configuration', async () => {
    const server = spawnTracked({ PORT: 'http' });
    assert.deepEqual(await server.closed, {
      code: 1,
      stderr: 'Invalid configuration: PORT must be an integer from 0 to 65535, not "http".\n',
    });
    assert.deepEqual(server.logs, []);
  });

  it('fails when its port is taken', async () => {
    const { port } = await listening();
    const server = spawnTracked({ PORT: String(port) });
    const line = await server.logged('cannot listen');

    assert.equal((line.err as { code: string }).code, 'EADDRINUSE');
    assert.equal((await server.closed).code, 1);
  });
});
