// The second service: tells at which stations high water rises above a limit.
const fs = require('node:fs');
const { createServer } = require('node:http');
const { join } = require('node:path');

const LIMIT_M = 0.5;
const { stations } = JSON.parse(fs.readFileSync(join(__dirname, 'tides.json'), 'utf8'));
const high = Object.keys(stations).filter((name) => Math.max(...stations[name]) > LIMIT_M);

const server = createServer((request, response) => {
  const body = request.url === '/healthz' ? { status: 'ok' } : { high };
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
});

server.listen(3000);
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.close());
