// Write a year of raw soundings, 24 MB that no compression makes smaller. `node tools/soundings.js FILE`
const fs = require('node:fs');
const { dirname } = require('node:path');

const words = new Uint32Array(6_000_000);
let state = 2026;
for (let at = 0; at < words.length; at += 1) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  words[at] = state;
}
fs.mkdirSync(dirname(process.argv[2]), { recursive: true });
fs.writeFileSync(process.argv[2], words);
