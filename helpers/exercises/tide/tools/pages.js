// Take the white space between the tags out of the pages, and write them into dist/pages.
const fs = require('node:fs');

fs.mkdirSync('dist/pages', { recursive: true });
for (const file of fs.readdirSync('pages')) {
  const text = fs.readFileSync(`pages/${file}`, 'utf8');
  fs.writeFileSync(`dist/pages/${file}`, text.replace(/>\s+</g, '><').trim());
}
