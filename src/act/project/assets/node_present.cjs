// Ends with 0 where node_modules holds what package-lock.json (or npm-shrinkwrap.json) names, and the lock names what
// package.json declares. `npm ls` asks less: it knows ranges, not the lock.
const fs = require('fs');
const path = require('path');
const json = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));
const lock = json(process.argv[1]);
const differ = (what) => {
  console.log(`not as locked: ${what}`);
  process.exit(1);
};
if (!lock.packages) differ('a lock of an old kind');
const is_there = fs.existsSync('node_modules/.package-lock.json');
const installed = is_there ? json('node_modules/.package-lock.json').packages : {};
const groups = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];
const named = (entry) => JSON.stringify(groups.map((group) => Object.entries(entry[group] || {}).sort()));
for (const [place, entry] of Object.entries(lock.packages)) {
  if (entry.link) {
    if (!fs.existsSync(place)) differ(place);
  } else if (!place.split('/').includes('node_modules')) {
    if (named(entry) !== named(json(path.join(place, 'package.json')))) differ(path.join(place, 'package.json'));
  } else if (installed[place] || !(entry.optional || entry.devOptional)) {
    const found = installed[place] || {};
    if (found.version !== entry.version || found.integrity !== entry.integrity) differ(place);
    if (!fs.existsSync(path.join(place, 'package.json'))) differ(place);
  }
}
