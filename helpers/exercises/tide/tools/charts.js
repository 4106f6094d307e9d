// Draw a chart for each line of stations.csv into a folder, unless it lies there from before, and
// gather all of them in dist/charts.json. `node tools/charts.js FOLDER`
const { createHash } = require('node:crypto');
const fs = require('node:fs');

const folder = process.argv[2];
const [, ...lines] = fs.readFileSync('stations.csv', 'utf8').trim().split('\n');
fs.mkdirSync(folder, { recursive: true });
const charts = {};
let drawn = 0;
for (const line of lines) {
  const [name, amplitude, lag] = line.split(',');
  const file = `${folder}/${name}-${createHash('sha256').update(line).digest('hex').slice(0, 8)}.svg`;
  if (!fs.existsSync(file)) {
    const y = (x) => 50 - 40 * amplitude * Math.cos((2 * Math.PI * (x / 10 - lag)) / 12.42);
    const points = [...Array(240).keys()].map((x) => `${x},${y(x).toFixed(1)}`).join(' ');
    fs.writeFileSync(file, `<svg viewBox="0 0 240 100"><polyline points="${points}"/></svg>`);
    drawn += 1;
  }
  charts[name] = fs.readFileSync(file, 'utf8');
}
fs.mkdirSync('dist', { recursive: true });
fs.writeFileSync('dist/charts.json', JSON.stringify({ drawn, charts }));
