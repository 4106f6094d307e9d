// Compute a day of tides from stations.csv into dist/tides.json, and lay the server beside it.
// With a file of soundings as argument, heights are given above their mean.
const fs = require('node:fs');

const PERIOD_H = 12.42; // from one high water to the next: the moon's half day
const HOURS = [...Array(25).keys()];

function mean(file) {
  const bytes = fs.readFileSync(file);
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return sum / bytes.length / 1000;
}

const [, ...lines] = fs.readFileSync('stations.csv', 'utf8').trim().split('\n');
const level = process.argv[2] ? mean(process.argv[2]) : null;
const stations = {};
for (const line of lines) {
  const [name, amplitude, lag] = line.split(',');
  const height = (hour) => amplitude * Math.cos((2 * Math.PI * (hour - lag)) / PERIOD_H);
  stations[name] = HOURS.map((hour) => Number((height(hour) + (level ?? 0)).toFixed(3)));
}
fs.mkdirSync('dist', { recursive: true });
fs.writeFileSync('dist/tides.json', JSON.stringify({ level, stations }));
fs.writeFileSync('dist/build.json', JSON.stringify({ node: process.version }));
for (const file of fs.readdirSync('src')) fs.copyFileSync(`src/${file}`, `dist/${file}`);
