import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { readSettings } from '../config.ts';
import { findProgram, waitFor } from './command.ts';
import { createHome, type Home } from './home.ts';
import { ensureNats, natsHealthy, natsSpec } from './nats.ts';
import { freePort } from './ports.ts';
import { startProcess, stopProcess } from './process.ts';

let home: Home | undefined;
afterEach(async () => {
  if (!home) return;
  await stopProcess(home, 'nats');
  rmSync(home.root, { recursive: true, force: true });
});

/** Asks the server of a port one thing and returns what it answers on `_INBOX.t`. */
const ask = (port: number, login: object, subject: string, body = ''): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    let text = '';
    socket.setTimeout(5_000, () => socket.destroy(new Error(`no answer; heard ${text}`)));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`the server hung up; heard ${text}`)));
    socket.write(`CONNECT ${JSON.stringify({ verbose: false, ...login })}\r\nSUB _INBOX.t 1\r\n`);
    socket.write(`PUB ${subject} _INBOX.t ${body.length}\r\n${body}\r\n`);
    socket.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      const answer = /MSG _INBOX\.t 1 +\d+\r\n(.*)\r\n/.exec(text)?.[1];
      if (answer === undefined) return;
      socket.destroy();
      resolve(answer);
    });
  });

it('keeps what a store from before accounts holds, and is left alone from then on', async () => {
  home = createHome(mkdtempSync(join(tmpdir(), 'crucible-nats-accounts-')));
  const program = findProgram('nats-server', readSettings().inherited['PATH'] ?? '') ?? 'nats-server';
  const client = await freePort();
  const monitor = await freePort(new Set([client]));
  const configuration = join(home.root, 'nats.conf');
  writeFileSync(
    configuration,
    `listen: "127.0.0.1:${client}"\nhttp: "127.0.0.1:${monitor}"\njetstream { store_dir: ${JSON.stringify(home.nats)} }\n` +
      'authorization { users = [ { user: "operator", password: "old" } ] }\n',
  );
  await startProcess(home, natsSpec(home, program, configuration));
  expect(await waitFor(async () => (await natsHealthy(monitor)) || undefined, 10_000)).toBe(true);
  const old = { user: 'operator', pass: 'old' };
  const stream = JSON.stringify({ name: 'EVENTS', subjects: ['crucible.events.>'], storage: 'file' });
  expect(await ask(client, old, '$JS.API.STREAM.CREATE.EVENTS', stream)).toContain('"did_create":true');
  expect(await ask(client, old, 'crucible.events.platform.executor', 'kept')).toContain('"seq":1');

  const first = await ensureNats(home, program, { client, monitor });
  const operator = { user: 'operator', pass: first.credentials.operator?.password };
  expect(first.started).toBe(true);
  expect(existsSync(join(home.nats, 'jetstream', '$G'))).toBe(false);
  const held = await ask(client, operator, '$JS.API.STREAM.MSG.GET.EVENTS', '{"seq":1}');
  expect(held).toContain(Buffer.from('kept').toString('base64'));
  expect((await ensureNats(home, program, { client, monitor })).started).toBe(false);

  // A server with other accounts begins anew, and keeps its streams.
  writeFileSync(configuration, '# of another version\n');
  expect((await ensureNats(home, program, { client, monitor })).started).toBe(true);
  expect(await ask(client, operator, '$JS.API.STREAM.INFO.EVENTS')).toContain('"messages":1');
});
