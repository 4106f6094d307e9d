// Sign dist/tides.json with a key, so that a client can tell who published it. `node tools/sign.js KEY`
const { createHash, createHmac } = require('node:crypto');
const fs = require('node:fs');

const key = (process.argv[2] ?? '').trim();
if (!key) throw new Error('there is no key to sign with');
const digest = createHash('sha256').update(fs.readFileSync('dist/tides.json')).digest('hex');
const signature = createHmac('sha256', key).update(digest).digest('hex');
fs.writeFileSync('dist/signature.json', JSON.stringify({ digest, signature }));
