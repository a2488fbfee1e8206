// Helps the `crucible` script before anything is installed: plain JavaScript that any Node from 14 on runs.
//   node install.mjs matches ROOT   exit 0 if the installed packages are those of package-lock.json
//   node install.mjs pinned ROOT    write into the current folder a project with the pinned Node only; print its package
import { readFileSync, writeFileSync } from 'node:fs';

const [, , question, root] = process.argv;
const read = (path) => JSON.parse(readFileSync(`${root}/${path}`, 'utf8'));

const isForHere = ({ os, cpu, libc }) => {
  const report = process.report ? process.report.getReport() : undefined;
  const glibc = Boolean(report && report.header && report.header.glibcVersionRuntime);
  const fits = (list, value) =>
    !list || list.includes(value) || (list[0].startsWith('!') && !list.includes(`!${value}`));
  return fits(os, process.platform) && fits(cpu, process.arch) && fits(libc, glibc ? 'glibc' : 'musl');
};

/** What npm says it installed, against what the lock file asks for. Packages for other machines may be missing. */
const matches = () => {
  const wanted = read('package-lock.json').packages;
  const installed = read('node_modules/.package-lock.json').packages;
  const mayMiss = (path) => {
    const entry = wanted[path];
    const parent = path.slice(0, path.lastIndexOf('/node_modules/'));
    return Boolean(entry) && ((Boolean(entry.optional) && !isForHere(entry)) || (parent !== path && mayMiss(parent)));
  };
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.includes('node_modules/')) return true;
    const found = installed[path];
    return found ? found.version === entry.version && found.integrity === entry.integrity : mayMiss(path);
  });
};

const writePinned = () => {
  const name = `node-${process.platform}-${process.arch}`;
  const entry = read('package-lock.json').packages[`node_modules/${name}`];
  if (!entry) return false;
  const project = { name: 'crucible-node', version: '1.0.0', private: true, dependencies: { [name]: entry.version } };
  const packages = { '': project, [`node_modules/${name}`]: { ...entry, optional: false, dev: false } };
  const lock = { name: project.name, version: project.version, lockfileVersion: 3, requires: true, packages };
  writeFileSync('package.json', JSON.stringify(project));
  writeFileSync('package-lock.json', JSON.stringify(lock));
  console.log(name);
  return true;
};

let answer = false;
try {
  answer = question === 'matches' ? matches() : writePinned();
} catch {
  // Nothing is installed, or something unreadable is: not what was asked for.
}
process.exit(answer ? 0 : 1);
