import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:net';
import { provisionBus } from '@crucible/event-log';
import { waitFor } from './command.ts';
import { messageOf, PlatformFailure } from './failure.ts';
import { privateDirectory, ensureProcess, logTail, runningProcess, stopProcess, type ProcessSpec } from './process.ts';
import { secret, writeAtomically, type Home } from './home.ts';
import { accountsBlock, natsUsers, platformAccount, type NatsUser } from './nats-users.ts';

export interface NatsAccess {
  readonly url: string;
  /** Password of each user; without an entry the server asks for none. */
  readonly credentials: Readonly<Partial<Record<NatsUser, { user: string; password: string }>>>;
}

export interface NatsPorts {
  readonly client: number;
  readonly monitor: number;
}

/** Text of the server's configuration. Strings are JSON, which its format reads as it is. */
export const natsConfiguration = (
  home: Home,
  ports: NatsPorts,
  passwords: Readonly<Record<NatsUser, string>>,
): string => `# Written by crucible at each start.
server_name: ${JSON.stringify(`crucible-${home.hash}`)}
listen: ${JSON.stringify(`127.0.0.1:${ports.client}`)}
http: ${JSON.stringify(`127.0.0.1:${ports.monitor}`)}
max_payload: 1MB
max_connections: 256
jetstream { store_dir: ${JSON.stringify(home.nats)}, max_memory_store: 256MB }
${accountsBlock(passwords)}
`;

export const natsSpec = (home: Home, program: string, configuration: string): ProcessSpec => ({
  name: 'nats',
  argv: [program, '-c', configuration],
  env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  cwd: home.root,
  stopSignal: 'SIGTERM',
  stopWaitMs: 15_000,
});

const isHealthy = async (monitorPort: number): Promise<true | undefined> => {
  try {
    const answer = await fetch(`http://127.0.0.1:${monitorPort}/healthz`, { signal: AbortSignal.timeout(1_000) });
    return answer.ok ? true : undefined;
  } catch {
    return undefined;
  }
};

/** Asks a running server whether JetStream is ready. */
export const natsHealthy = async (monitorPort: number): Promise<boolean> => (await isHealthy(monitorPort)) === true;

/**
 * Before readers had an account of their own, the streams were the nameless account's, and an account is a folder of the
 * store. The server must be down while that is renamed; its clients reconnect.
 */
const adoptStreams = async (home: Home): Promise<void> => {
  const [nameless, named] = ['$G', platformAccount].map((account) => join(home.nats, 'jetstream', account)) as [
    string,
    string,
  ];
  if (!existsSync(nameless) || existsSync(named)) return;
  await stopProcess(home, 'nats');
  renameSync(nameless, named);
};

/**
 * A running server that reads other accounts does not lead their requests anywhere (2.9), and a service learns once which
 * account it is in. So all of them begin anew.
 */
const stopBus = async (home: Home): Promise<void> => {
  await Promise.all(natsUsers.map((user) => stopProcess(home, user)));
  await stopProcess(home, 'nats');
};

/** Makes the streams and consumers that services find and may not make. */
const provision = async (home: Home, url: string, password: string): Promise<void> => {
  try {
    await provisionBus({ url, user: 'operator', password, name: 'crucible-up' });
  } catch (error) {
    throw new PlatformFailure(`the bus could not be prepared: ${messageOf(error)}\n${logTail(home, 'nats')}`);
  }
};

/**
 * Runs a JetStream server of our own, with the streams and consumers that services use.
 * @throws PlatformFailure with the end of its log when it does not become healthy in 30 s.
 */
export const ensureNats = async (
  home: Home,
  program: string,
  ports: NatsPorts,
): Promise<NatsAccess & { started: boolean }> => {
  privateDirectory(home.nats);
  const passwords = Object.fromEntries(natsUsers.map((user) => [user, secret(home, `nats-${user}`)])) as Record<
    NatsUser,
    string
  >;
  await adoptStreams(home);
  const configuration = join(home.root, 'nats.conf');
  const text = natsConfiguration(home, ports, passwords);
  const changed = !existsSync(configuration) || readFileSync(configuration, 'utf8') !== text;
  if (changed) await stopBus(home);
  if (changed) writeAtomically(configuration, text);
  const { started } = await ensureProcess(home, natsSpec(home, program, configuration));
  const ready = await waitFor(async () => {
    if (!runningProcess(home, 'nats')) return false;
    return isHealthy(ports.monitor);
  }, 30_000);
  if (!ready) throw new PlatformFailure(`nats-server did not become healthy:\n${logTail(home, 'nats')}`);
  const url = `nats://127.0.0.1:${ports.client}`;
  await provision(home, url, passwords.operator);
  const credentials = Object.fromEntries(natsUsers.map((user) => [user, { user, password: passwords[user] }]));
  return { url, credentials, started };
};

/**
 * A server somebody else runs, from its URL and perhaps a user.
 * @throws PlatformFailure when the URL is no URL or nobody answers there as a NATS server with JetStream does.
 */
export const foreignNats = async (text: string, user?: string, password?: string): Promise<NatsAccess> => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const remedy = 'set CRUCIBLE_NATS_URL to nats://host:port of a server with JetStream, or to nothing to get one';
  if (!url || !['nats:', 'tls:'].includes(url.protocol))
    throw new PlatformFailure(`CRUCIBLE_NATS_URL=${text} is no NATS URL`, remedy);
  const info = await serverInfo(url.hostname, Number(url.port || 4222));
  if (info === undefined) throw new PlatformFailure(`no NATS server answers at ${url.host}`, remedy);
  if (info['jetstream'] !== true) throw new PlatformFailure(`the NATS server at ${url.host} has no JetStream`, remedy);
  const name = user ?? decodeURIComponent(url.username);
  const word = password ?? decodeURIComponent(url.password);
  // What is ours to use there is not ours to hand to other teams.
  const ours = natsUsers.filter((each) => each !== 'subscriber');
  const credentials = name ? Object.fromEntries(ours.map((each) => [each, { user: name, password: word }])) : {};
  return { url: `${url.protocol}//${url.host}`, credentials };
};

/** What a NATS server says of itself when somebody connects; undefined when nothing like it answers. */
export const serverInfo = (host: string, port: number): Promise<Record<string, unknown> | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    let text = '';
    const end = (value: Record<string, unknown> | undefined): void => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(3_000, () => end(undefined));
    socket.on('error', () => end(undefined));
    socket.on('close', () => resolve(undefined));
    socket.setEncoding('utf8').on('data', (more: string) => {
      text = (text + more).slice(0, 65_536);
      const line = /^INFO (\{.*\})\s*\r\n/.exec(text)?.[1];
      if (line === undefined) return text.length === 65_536 ? end(undefined) : undefined;
      try {
        end(JSON.parse(line) as Record<string, unknown>);
      } catch {
        end(undefined);
      }
    });
  });
