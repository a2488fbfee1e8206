import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PlatformFailure } from './failure.ts';

/** Where a platform keeps all it has. Several homes on one machine do not know of each other. */
export interface Home {
  readonly root: string;
  /** Names this home in places outside it. */
  readonly hash: string;
  /** Pid files and the descriptions of what should be running. */
  readonly run: string;
  readonly logs: string;
  readonly secrets: string;
  readonly nats: string;
  readonly engine: string;
  readonly cache: string;
  readonly statePath: string;
}

/** What an archive is a copy of: another platform's whole log, up to a checkpoint. */
export interface Archive {
  /** `importing` until all of it was written: nothing may be started on a part. */
  readonly status: 'importing' | 'whole';
  /** Name of the log, which is that of the key that signed it. */
  readonly origin: string;
  /** Number of events. */
  readonly size: number;
  /** Root of the log's Merkle tree at that size, in hex. */
  readonly root: string;
  readonly importedAt: string;
}

/** What must stay the same from one `up` to the next. */
export interface State {
  readonly version: 1;
  readonly ports: Readonly<Record<string, number>>;
  readonly settings: Readonly<Record<string, string>>;
  /** Folders outside the home, removed with it. */
  readonly outside: readonly string[];
  /** Set when this home holds a copy of another platform's log, which is only read. */
  readonly archive?: Archive;
}

export const emptyState: State = { version: 1, ports: {}, settings: {}, outside: [] };

/** The paths of a home; nothing is created. */
export const locateHome = (path: string): Home => {
  const root = resolve(path);
  const at = (name: string): string => join(root, name);
  return {
    root,
    hash: createHash('sha256').update(root).digest('hex').slice(0, 12),
    run: at('run'),
    logs: at('logs'),
    secrets: at('secrets'),
    nats: at('nats'),
    engine: at('engine'),
    cache: at('cache'),
    statePath: at('state.json'),
  };
};

const marker = '.crucible-home';

/** Whether a folder is a home of ours: only such a one is ever changed or removed. */
export const isHome = (home: Home): boolean => existsSync(join(home.root, marker));

// Not `recursive`: below /proc and the like Node would try for ever.
const makeFolder = (path: string, mode: number): void => {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path), 0o755);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Several that start at once make the same folders.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
};

/**
 * Creates the folders. The home itself may be passed through, not listed, by others: the database runs as another user
 * below it; every folder in it is closed.
 * @throws PlatformFailure when the folder cannot be made, or holds something that is not ours.
 */
export const createHome = (path: string): Home => {
  const home = locateHome(path);
  try {
    makeFolder(home.root, 0o711);
    if (!isHome(home)) {
      if (readdirSync(home.root).length > 0) {
        throw new PlatformFailure(`${home.root} holds other things`, 'set CRUCIBLE_HOME to a new or empty folder');
      }
      writeFileSync(join(home.root, marker), 'State of a crucible platform; ./crucible down --purge removes it.\n');
    }
    chmodSync(home.root, 0o711);
    for (const dir of [home.run, home.logs, home.secrets, home.nats, home.engine, home.cache]) makeFolder(dir, 0o700);
  } catch (error) {
    if (error instanceof PlatformFailure) throw error;
    const why = (error as NodeJS.ErrnoException).code ?? '';
    throw new PlatformFailure(
      `cannot use ${home.root} as home (${why})`,
      'set CRUCIBLE_HOME to a folder you may write to',
    );
  }
  return home;
};

export const homeExists = (home: Home): boolean => existsSync(home.root);

/** @throws PlatformFailure when the file is there but unreadable: guessing would orphan what it remembers. */
export const readState = (home: Home): State => {
  if (!existsSync(home.statePath)) return emptyState;
  try {
    const state = JSON.parse(readFileSync(home.statePath, 'utf8')) as State;
    if (state.version !== 1) throw new Error(`unknown version ${String(state.version)}`);
    return { ...emptyState, ...state };
  } catch (error) {
    throw new PlatformFailure(
      `${home.statePath} cannot be read: ${(error as Error).message}`,
      'remove that file (ports are then chosen again), or start over with ./crucible down --purge',
    );
  }
};

/** Writes by rename: a reader sees the old file or the new one. */
export const writeAtomically = (path: string, text: string | Uint8Array, mode = 0o600): void => {
  const partial = `${path}.${process.pid}.new`;
  writeFileSync(partial, text, { mode });
  renameSync(partial, path);
};

export const writeState = (home: Home, state: State): void =>
  writeAtomically(home.statePath, `${JSON.stringify(state, null, 2)}\n`);

export const updateState = (home: Home, change: (state: State) => State): State => {
  const state = change(readState(home));
  writeState(home, state);
  return state;
};

/** Remembers a folder outside the home before it is made, so that a purge always finds it. */
export const rememberOutside = (home: Home, path: string): void => {
  const state = readState(home);
  if (!state.outside.includes(path)) writeState(home, { ...state, outside: [...state.outside, path] });
};

export const secretPath = (home: Home, name: string): string => join(home.secrets, name);

/** A random secret that is made at first use and kept. 32 bytes, base64url, readable by the owner only. */
export const secret = (home: Home, name: string): string => {
  const path = secretPath(home, name);
  if (!existsSync(path)) {
    const fresh = `${path}.${randomBytes(6).toString('hex')}.new`;
    writeFileSync(fresh, randomBytes(32).toString('base64url'), { mode: 0o600 });
    try {
      // A link fails where a rename would replace: the first secret written is the one that stays.
      linkSync(fresh, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(fresh, { force: true });
    }
  }
  return readFileSync(path, 'utf8').trim();
};

/** Whether any user may pass through every folder that leads to `path`. */
export const traversableByAll = (path: string): boolean => {
  for (let dir = resolve(path); ; dir = dirname(dir)) {
    const stat = statSync(dir, { throwIfNoEntry: false });
    if (stat && (stat.mode & 0o001) === 0) return false;
    if (dir === dirname(dir)) return true;
  }
};
