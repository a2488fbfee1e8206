import { rmSync } from 'node:fs';
import { readSettings } from '../config.ts';
import { findProgram } from './command.ts';
import { PlatformFailure } from './failure.ts';
import type { Home } from './home.ts';
import { ensureNats } from './nats.ts';
import type { NatsUser } from './nats-users.ts';
import { freePort } from './ports.ts';
import { ensurePostgres } from './postgres.ts';
import { stopProcess } from './process.ts';
import { throwAwayHome } from './testing-homes.ts';

/** Real servers for tests: each is thrown away by `stop`, which may be called twice. */

const disposer = (home: Home, name: string) => async (): Promise<void> => {
  await stopProcess(home, name);
  rmSync(home.root, { recursive: true, force: true });
};

export interface TestNats {
  readonly url: string;
  /** The `operator`, who may do everything. */
  readonly user: string;
  readonly password: string;
  /** Every user of the platform, with the permissions it has there. */
  readonly credentials: Readonly<Partial<Record<NatsUser, { user: string; password: string }>>>;
  stop(): Promise<void>;
}

/** A JetStream server with an empty store. */
export const startNats = async (): Promise<TestNats> => {
  const program = findProgram('nats-server', readSettings().inherited['PATH'] ?? '');
  if (!program)
    throw new PlatformFailure('nats-server is not installed', 'run ./crucible up once, or ./crucible doctor');
  const home = await throwAwayHome('nats');
  const stop = disposer(home, 'nats');
  try {
    const client = await freePort();
    const access = await ensureNats(home, program, { client, monitor: await freePort(new Set([client])) });
    const operator = access.credentials.operator;
    if (!operator) throw new Error('the server was set up without an operator');
    return { url: access.url, ...operator, credentials: access.credentials, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

export interface TestPostgres {
  /** `postgres://user:password@127.0.0.1:port/crucible`, an empty database. */
  readonly url: string;
  stop(): Promise<void>;
}

export const startPostgres = async (): Promise<TestPostgres> => {
  const home = await throwAwayHome('postgres');
  const stop = disposer(home, 'postgres');
  try {
    return { url: (await ensurePostgres(home, await freePort())).url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

export { startEngine, type TestEngine } from './testing-engine.ts';
export { startPlatform, type TestPlatform } from './testing-platform.ts';
export { findBrowser } from './browser.ts';
export { layerOf, savedTar } from '../images/image-file.fixture.ts';
