import { connect } from 'node:net';
import { existsSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { readSettings } from '../config.ts';
import { run } from './command.ts';
import { natsHealthy, serverInfo } from './nats.ts';
import { postgresAnswers } from './postgres.ts';
import { nodeArgv } from './services.ts';
import { startNats, startPostgres, type TestNats } from './testing.ts';

const portOf = (url: string): number => Number(new URL(url).port);

/** Logs in, says `words`, and returns all the server said up to its last answer. */
const sayToNats = (port: number, connectOptions: object, words = ''): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    let text = '';
    const login = JSON.stringify({ verbose: false, ...connectOptions });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
    socket.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      if (text === more) socket.write(`CONNECT ${login}\r\n${words}PING\r\n`);
      else if (text.includes('PONG')) socket.end();
    });
  });

describe('throw-away servers', () => {
  let server: Promise<TestNats> | undefined;
  const shared = (): Promise<TestNats> => (server ??= startNats());
  afterAll(async () => (await server)?.stop());

  it('nats: JetStream is on, only known users get in, and stop leaves nothing', async () => {
    const nats = await startNats();
    const port = portOf(nats.url);
    try {
      expect(await serverInfo('127.0.0.1', port)).toMatchObject({
        jetstream: true,
        auth_required: true,
        max_payload: 1_048_576,
      });
      expect(await sayToNats(port, { user: nats.user, pass: nats.password })).toContain('PONG');
      expect(await sayToNats(port, { user: nats.user, pass: 'wrong' })).toContain('Authorization Violation');
      expect(await sayToNats(port, {})).toContain('Authorization Violation');
    } finally {
      await nats.stop();
    }
    expect(await serverInfo('127.0.0.1', port)).toBeUndefined();
    expect(await natsHealthy(port)).toBe(false);
  });

  it.each([
    ['gateway', 'crucible.events.evaluation.e1', 'crucible.events.evaluation.e1.trial.t1'],
    ['gateway', 'crucible.control.cancel.e1', 'crucible.dispatch.default'],
    ['scheduler', 'crucible.dispatch.default', 'crucible.evidence.e1.t1.output'],
    ['sandbox-executor', 'crucible.evidence.e1.t1.output', 'crucible.events.evaluation.e1'],
    ['sandbox-executor', 'crucible.events.evaluation.e1.trial.t1', 'crucible.checkpoints'],
    ['audit', 'crucible.checkpoints', 'crucible.events.evaluation.e1'],
    ['notifier', 'crucible.events.platform.delivery', 'crucible.events.platform.executor'],
    ['audit', 'CRUCIBLE.API.STREAM.INFO.EVENTS', '$JS.API.STREAM.UPDATE.EVENTS'],
    ['scheduler', 'CRUCIBLE.API.DIRECT.GET.EVENTS', '$JS.API.STREAM.PURGE.EVENTS'],
  ] as const)('nats: %s may say %s but not %s', async (user, own, others) => {
    const nats = await shared();
    const known = nats.credentials[user];
    const login = { user: known?.user, pass: known?.password };
    const port = portOf(nats.url);
    expect(await sayToNats(port, login, `PUB ${own} 0\r\n\r\n`)).not.toContain('Permissions Violation');
    expect(await sayToNats(port, login, `PUB ${others} 0\r\n\r\n`)).toContain('Permissions Violation');
    const operator = { user: nats.user, pass: nats.password };
    expect(await sayToNats(port, operator, `PUB ${others} 0\r\n\r\n`)).not.toContain('Permissions Violation');
  });

  it('ends what a killed test left behind', async () => {
    const { repository } = readSettings();
    const testing = new URL('./testing.ts', import.meta.url).href;
    const program = `
      const { startNats } = await import(${JSON.stringify(testing)});
      console.log((await startNats()).url);
      process.kill(process.pid, 'SIGKILL');`;
    const argv = nodeArgv(repository, 'x').slice(1, -1);
    const killed = await run([process.execPath, ...argv, '--input-type=module', '-e', program]);
    const port = portOf(killed.stdout.trim());
    expect(await serverInfo('127.0.0.1', port)).toBeDefined();
    await run([process.execPath, ...argv, '--input-type=module', '-e', program.replace('process.kill', 'void 0; //')]);
    expect(await serverInfo('127.0.0.1', port)).toBeUndefined();
    // The second one was not stopped either: its own successor sees to it.
    await run([
      process.execPath,
      ...argv,
      '--input-type=module',
      '-e',
      `await (await (await import(${JSON.stringify(testing)})).startNats()).stop()`,
    ]);
  });

  it('postgres: answers on 127.0.0.1, and stop may be called twice', async () => {
    const postgres = await startPostgres();
    const port = portOf(postgres.url);
    expect(await postgresAnswers('127.0.0.1', port)).toBe(true);
    await postgres.stop();
    await postgres.stop();
    expect(await postgresAnswers('127.0.0.1', port)).toBe(false);
    expect(existsSync(`/tmp/.s.PGSQL.${port}`)).toBe(false);
  });
});
