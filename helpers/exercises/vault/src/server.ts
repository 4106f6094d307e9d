import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { hash, verify } from '@node-rs/argon2';

const LIMIT = 10_000;

async function body(request: IncomingMessage): Promise<Record<string, string>> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > LIMIT) throw new RangeError('too long');
  }
  return JSON.parse(text) as Record<string, string>;
}

async function answer(request: IncomingMessage): Promise<[number, object]> {
  const route = `${request.method ?? ''} ${request.url ?? ''}`;
  if (route === 'GET /healthz') return [200, { status: 'ok' }];
  if (route === 'POST /hash') {
    const { password } = await body(request);
    return password ? [200, { hash: await hash(password) }] : [400, { error: 'password is missing' }];
  }
  if (route === 'POST /verify') {
    const { password, hash: known } = await body(request);
    if (!password || !known) return [400, { error: 'password and hash are needed' }];
    return [200, { matches: await verify(known, password) }];
  }
  return [404, { error: 'no such route' }];
}

const server = createServer((request: IncomingMessage, response: ServerResponse) => {
  answer(request)
    .catch((): [number, object] => [400, { error: 'not a request this service understands' }])
    .then(([status, json]) => {
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(json));
    });
});

server.listen(3000);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => server.close());
