import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, mustRun, run } from './command.ts';
import { PlatformFailure, messageOf } from './failure.ts';
import { writeAtomically, type Home } from './home.ts';
import { aptInstall, distribution, refreshLists } from './packages.ts';

/** A `runsc` and how it is to be run. */
export interface Gvisor {
  readonly path: string;
  readonly version: string;
  /** Never `kvm`: under nested virtualisation it hangs for ever and takes the engine's shutdown with it. */
  readonly platform: 'systrap' | 'ptrace';
}

const systrapSince = 20_230_700;

/** The date in what `runsc --version` prints, as a number such as 20240729. */
export const releaseDate = (printed: string): number | undefined => {
  const digits = /version\s+\S*?(\d{8})/.exec(printed)?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** What a `runsc` can do; undefined when it cannot be executed or says no version. */
export const inspectRunsc = async (path: string): Promise<Gvisor | undefined> => {
  const { code, stdout } = await run([path, '--version'], { timeoutMs: 10_000 });
  const date = code === 0 ? releaseDate(stdout) : undefined;
  if (date === undefined) return undefined;
  return { path, version: String(date), platform: date >= systrapSince ? 'systrap' : 'ptrace' };
};

/** apt options for a life of its own: neither the machine's lists nor its caches are read or written. */
const privateApt = (dir: string): string[] =>
  [
    `Dir::Etc::sourcelist=${dir}/backports.list`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${dir}/lists`,
    'Dir::Cache::pkgcache=',
    'Dir::Cache::srcpkgcache=',
    `Dir::Cache::archives=${dir}/archives`,
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);

const archiveOf = async (codename: string): Promise<string | undefined> => {
  const query = ['apt-get', 'indextargets', '--format', '$(REPO_URI)', `Codename: ${codename}`];
  return (await mustRun('apt-get indextargets', query)).split('\n').find((line) => line !== '');
};

/**
 * Fetches `runsc` from the backports of this release, out of the same archive the machine's own sources name, and
 * unpacks it in the home: the machine's sources and packages stay as they are.
 * @throws PlatformFailure when there is no such archive or it has no runsc.
 */
const fetchFromBackports = async (dir: string): Promise<string> => {
  const { codename, id } = distribution();
  if (!codename) throw new PlatformFailure('this distribution names no release');
  // Before its first update a machine knows the names of its sources, but not what they hold.
  const archive = (await archiveOf(codename)) ?? (await refreshLists().then(() => archiveOf(codename)));
  if (!archive) throw new PlatformFailure(`apt knows no archive of ${codename}`);
  rmSync(dir, { recursive: true, force: true });
  for (const sub of ['lists/partial', 'archives/partial']) mkdirSync(join(dir, sub), { recursive: true });
  const keyring = `/usr/share/keyrings/${id}-archive-keyring.gpg`;
  const options = existsSync(keyring) ? `[signed-by=${keyring}] ` : '';
  const components = id === 'ubuntu' ? 'universe' : 'main';
  writeAtomically(join(dir, 'backports.list'), `deb ${options}${archive} ${codename}-backports ${components}\n`, 0o644);
  const environment = { cwd: dir, timeoutMs: 120_000 };
  await mustRun('reading the backports', ['apt-get', '-qq', ...privateApt(dir), 'update'], environment);
  await mustRun('fetching runsc', ['apt-get', '-qq', ...privateApt(dir), 'download', 'runsc'], environment);
  const deb = readdirSync(dir).find((name) => name.startsWith('runsc_') && name.endsWith('.deb'));
  if (!deb) throw new PlatformFailure('apt fetched no runsc');
  await mustRun('unpacking runsc', ['dpkg', '-x', join(dir, deb), join(dir, 'root')]);
  return join(dir, 'root', 'usr', 'bin', 'runsc');
};

/** The runsc in use or at hand, without fetching anything. */
export const knownRunsc = async (home: Home, path: string): Promise<Gvisor | undefined> => {
  const own = await inspectRunsc(join(home.engine, 'runsc', 'usr', 'bin', 'runsc'));
  if (own) return own;
  const installed = findProgram('runsc', path);
  return installed === undefined ? undefined : inspectRunsc(installed);
};

/**
 * A `runsc`, the newer the better: one of ours or the machine's that knows systrap, else one from the backports, else
 * the distribution's own.
 * @throws PlatformFailure when there is none to be had.
 */
export const ensureRunsc = async (home: Home, path: string): Promise<Gvisor> => {
  const known = await knownRunsc(home, path);
  if (known?.platform === 'systrap') return known;
  let why = '';
  const dir = join(home.cache, 'backports');
  try {
    if (distribution().usesApt) {
      const fetched = await fetchFromBackports(dir);
      const target = join(home.engine, 'runsc');
      rmSync(target, { recursive: true, force: true });
      await mustRun('keeping runsc', ['mv', join(dir, 'root'), target]);
      const own = await inspectRunsc(join(target, 'usr', 'bin', 'runsc'));
      if (own) return own;
      why = `${fetched} cannot be executed`;
    }
  } catch (error) {
    why = messageOf(error);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  if (known) return known;
  await aptInstall(['runsc']);
  const installed = await knownRunsc(home, path);
  if (!installed) throw new PlatformFailure(`no usable runsc (gVisor)${why ? `: ${why}` : ''}`, 'install runsc');
  return installed;
};
