// Tells the tides of the stations over HTTP. It reads its data beside itself, and pages/ where it starts.
const fs = require('node:fs');
const { createServer } = require('node:http');
const { join } = require('node:path');

const beside = (name) => join(__dirname, name);
const { level, stations } = JSON.parse(fs.readFileSync(beside('tides.json'), 'utf8'));
const names = Object.keys(stations).map((name) => `<li>${name}</li>`).join('');
const board = fs.readFileSync('pages/board.html', 'utf8').replace('{{stations}}', names);
const datum = process.env.TIDE_DATUM ?? 'MSL';
const release = process.env.RELEASE ?? 'none';

function stored(name) {
  const file = beside(name);
  return fs.existsSync(file) ? [200, JSON.parse(fs.readFileSync(file, 'utf8'))] : [404, {}];
}

function answer(path) {
  const [, what, name] = path.split('/');
  if (what === '') return [200, board];
  if (what === 'healthz') return [200, { status: 'ok', release, node: process.version }];
  if (['build', 'charts', 'signature'].includes(what)) return stored(`${what}.json`);
  if (what === 'tides' && stations[name]) return [200, { datum, level, heights: stations[name] }];
  return [404, { error: 'no such station' }];
}

const server = createServer((request, response) => {
  const [status, body] = answer(request.url);
  const page = typeof body === 'string';
  response.writeHead(status, { 'Content-Type': page ? 'text/html' : 'application/json' });
  response.end(page ? body : JSON.stringify(body));
});

server.listen(3000);
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.close());
