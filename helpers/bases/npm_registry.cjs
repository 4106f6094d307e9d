// A registry to read npm packages from: it serves the files that index.json beside it names, no others.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const index = fs.readFileSync(path.join(__dirname, 'index.json'), 'utf8');
const served = new Map(Object.entries(JSON.parse(index)));

function answer(request, response) {
  const entry = request.method === 'GET' || request.method === 'HEAD' ? served.get(wanted(request.url)) : null;
  if (!entry) {
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end('{"error":"not in the workbook\'s kit"}');
    return;
  }
  const file = path.join(__dirname, entry.file);
  response.writeHead(200, { 'content-type': entry.type, 'content-length': fs.statSync(file).size });
  if (request.method === 'HEAD') response.end();
  else fs.createReadStream(file).pipe(response);
}

function wanted(url) {
  try {
    return decodeURIComponent(url.split('?')[0]);
  } catch {
    return null;
  }
}

process.on('SIGTERM', () => process.exit(0));
http.createServer(answer).listen(Number(process.argv[2]));
