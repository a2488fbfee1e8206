import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from './command.ts';
import { PlatformFailure } from './failure.ts';
import { locateHome } from './home.ts';
import { withLock } from './lock.ts';

/** Folders whose files the UI is built from. */
const sources = ['web', ...['events', 'domain', 'suite', 'api', 'transparency'].map((lib) => `libs/${lib}/src`)];
const generated = new Set(['node_modules', 'build', 'dist', '.svelte-kit', '.vite', 'test-results']);
const buildsKept = 3;

const filesBelow = (dir: string): string[] =>
  readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    if (generated.has(entry.name)) return [];
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() && !/\.spec\.ts$/.test(entry.name) ? [path] : [];
  });

const hashSources = (repository: string): string => {
  const hash = createHash('sha256').update(process.version);
  const present = sources.map((dir) => join(repository, dir)).filter((dir) => existsSync(dir));
  const files = [...present.flatMap(filesBelow), join(repository, 'package-lock.json')];
  for (const file of files.sort()) hash.update(file.slice(repository.length)).update('\0').update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
};

const dropOldBuilds = (cache: string): void => {
  const builds = readdirSync(cache)
    .filter((name) => /^[0-9a-f]{16}$/.test(name))
    .map((name) => ({ path: join(cache, name), at: statSync(join(cache, name)).mtimeMs }))
    .sort((a, b) => b.at - a.at);
  for (const { path } of builds.slice(buildsKept)) rmSync(path, { recursive: true, force: true });
};

/**
 * The built UI for the sources as they are: a folder named after their hash, made whole before it gets that name. All
 * homes of a checkout share it, and a build that fails leaves the earlier ones in place.
 * @throws PlatformFailure with what the build said when it fails.
 */
export const ensureWeb = async (repository: string, note: (text: string) => void): Promise<string> => {
  if (!existsSync(join(repository, 'web/src/routes'))) {
    throw new PlatformFailure('this checkout has no web UI', 'get a complete checkout');
  }
  // Not below node_modules: installing packages anew must not take the pages away from a gateway that serves them.
  const cache = join(repository, '.crucible-web');
  const target = join(cache, hashSources(repository));
  if (existsSync(target)) return target;
  mkdirSync(cache, { recursive: true });
  return withLock(locateHome(cache), async () => {
    if (existsSync(target)) return target;
    note('building');
    const vite = [process.execPath, join(repository, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'error'];
    await mustRun('building the web UI', vite, { cwd: join(repository, 'web'), timeoutMs: 300_000 });
    rmSync(`${target}.new`, { recursive: true, force: true });
    cpSync(join(repository, 'web/build'), `${target}.new`, { recursive: true });
    renameSync(`${target}.new`, target);
    dropOldBuilds(cache);
    note('built');
    return target;
  });
};
