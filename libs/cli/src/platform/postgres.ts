import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { mustRun, waitFor } from './command.ts';
import { PlatformFailure } from './failure.ts';
import { secret, type Home } from './home.ts';
import {
  postgresDataDir,
  postgresPrograms,
  postgresUser,
  type PostgresPrograms,
  type UnixUser,
} from './postgres-binaries.ts';
import { ensureProcess, logTail, runningProcess, type ProcessSpec } from './process.ts';

const database = 'crucible';
const role = 'crucible';

const asUser = (user: UnixUser | undefined, argv: readonly string[]): string[] =>
  user === undefined
    ? [...argv]
    : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--', ...argv];

/** Makes the cluster beside its place and moves it there, so that a half-made one is never taken for a whole one. */
const initialise = async (
  programs: PostgresPrograms,
  user: UnixUser | undefined,
  dataDir: string,
  password: string,
): Promise<void> => {
  const fresh = `${dataDir}.new`;
  const passwordFile = `${fresh}.password`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true, mode: 0o700 });
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (user) for (const path of [fresh, passwordFile]) chownSync(path, user.uid, user.gid);
  const environment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', LC_MESSAGES: 'C' };
  try {
    await mustRun(
      'initdb',
      asUser(user, [
        programs.initdb,
        `--pgdata=${fresh}`,
        `--username=${role}`,
        '--auth=scram-sha-256',
        `--pwfile=${passwordFile}`,
        '--encoding=UTF8',
        '--locale=C',
        '--no-instructions',
      ]),
      { env: environment, cwd: dirname(dataDir), timeoutMs: 120_000 },
    );
    // Single-user mode needs neither a port nor a client.
    await mustRun('creating the database', asUser(user, [programs.postgres, '--single', '-D', fresh, 'postgres']), {
      env: environment,
      cwd: dirname(dataDir),
      input: `CREATE DATABASE ${database}\n`,
      timeoutMs: 60_000,
    });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(fresh, dataDir);
};

const postgresSpec = (
  programs: PostgresPrograms,
  user: UnixUser | undefined,
  dataDir: string,
  port: number,
): ProcessSpec => {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '64',
    shared_buffers: '64MB',
    max_wal_size: '512MB',
    log_min_messages: 'warning',
  };
  return {
    name: 'postgres',
    argv: [
      programs.postgres,
      '-D',
      dataDir,
      ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
    ],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    cwd: dataDir,
    // Interrupt is Postgres's fast shutdown: sessions are ended, data is flushed.
    stopSignal: 'SIGINT',
    stopWaitMs: 20_000,
    ownPidFiles: [join(dataDir, 'postmaster.pid')],
    ...(user ? { user } : {}),
  };
};

/** Whether a Postgres answers there, by the one question that needs no login: do you speak TLS? */
export const postgresAnswers = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (value: boolean): void => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(2_000, () => end(false));
    socket.on('error', () => end(false));
    socket.on('close', () => resolve(false));
    socket.on('connect', () => socket.write(Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])));
    socket.on('data', (bytes) => end(bytes[0] === 0x53 || bytes[0] === 0x4e));
  });

/** The server writes its state into the last line of its pid file; it answers connections from `ready` on. */
const isReady = (dataDir: string): boolean => {
  try {
    const lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').trimEnd().split('\n');
    return lines[7]?.trim() === 'ready';
  } catch {
    return false;
  }
};

/**
 * Runs a Postgres of our own with an empty database `crucible`.
 * @throws PlatformFailure with the end of its log when it does not answer in 60 s (a crash may need a recovery first).
 */
export const ensurePostgres = async (home: Home, port: number): Promise<{ url: string; started: boolean }> => {
  const user = await postgresUser();
  const programs = postgresPrograms(home, user);
  const dataDir = postgresDataDir(home, user);
  const password = secret(home, 'postgres');
  if (!existsSync(join(dataDir, 'PG_VERSION'))) await initialise(programs, user, dataDir, password);
  const { started } = await ensureProcess(home, postgresSpec(programs, user, dataDir, port));
  const ready = await waitFor(async () => {
    if (!runningProcess(home, 'postgres')) return false;
    return isReady(dataDir) && (await postgresAnswers('127.0.0.1', port)) ? true : undefined;
  }, 60_000);
  if (!ready) throw new PlatformFailure(`postgres did not become ready:\n${logTail(home, 'postgres')}`);
  return { url: `postgres://${role}:${password}@127.0.0.1:${port}/${database}`, started };
};

/**
 * A Postgres somebody else runs.
 * @throws PlatformFailure when the URL is no URL or nothing like Postgres answers there.
 */
export const foreignPostgres = async (text: string): Promise<string> => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const remedy = 'set CRUCIBLE_DATABASE_URL to postgres://user:password@host:port/database, or to nothing to get one';
  if (!url || !/^postgres(ql)?:$/.test(url.protocol))
    throw new PlatformFailure('CRUCIBLE_DATABASE_URL is no Postgres URL', remedy);
  const reachable = await postgresAnswers(url.hostname.replace(/^\[|\]$/g, ''), Number(url.port || 5432));
  if (!reachable) throw new PlatformFailure(`no Postgres answers at ${url.host}`, remedy);
  return text;
};
