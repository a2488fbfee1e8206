import { startNats, type TestNats } from '@crucible/cli/testing';
import { openBus, provisionBus } from '@crucible/event-log';
import { eventBytesMax, subjects } from '@crucible/events';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { NatsWire } from './support/nats-wire.ts';

let nats: TestNats;
let wires: NatsWire[] = [];
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats?.stop());
afterEach(() => {
  for (const wire of wires) wire.close();
  wires = [];
});

/** Connections until the server takes no more, at most 300. */
const connect = async (user: string): Promise<number> => {
  const login = nats.credentials[user as keyof typeof nats.credentials];
  if (login === undefined) throw new Error(`no user ${user}`);
  for (let made = 0; made < 300; made += 1)
    try {
      wires.push(await NatsWire.open(nats.url, login));
    } catch {
      return made;
    }
  return 300;
};

it('leaves room for everybody else, however often one connects', async () => {
  for (const user of ['subscriber', 'gateway', 'scheduler', 'sandbox-executor', 'audit', 'notifier'])
    expect({ user, made: await connect(user) }).toEqual({ user, made: user === 'subscriber' ? 64 : 32 });
  expect(await connect('operator')).toBeGreaterThan(10);
});

it('holds so many subscriptions of a reader and no more', async () => {
  await connect('subscriber');
  const [wire, other] = wires;
  for (let count = 0; count < 2_000; count += 1) wire?.subscribe(`_INBOX.${count}`);
  await wire?.settled();
  expect(wire?.heard).toContain('maximum subscriptions exceeded');
  other?.subscribe('crucible.events.>');
  await other?.settled();
  expect(other?.heard).not.toContain('exceeded');
});

it('takes no message into the log that no tile and no export can hold, also where the log is older than that', async () => {
  const login = { url: nats.url, name: 'test', user: nats.user, password: nats.password };
  const bus = await openBus(login);
  try {
    await bus.jsm.streams.update('EVENTS', { max_msg_size: -1 });
    await provisionBus(login);
    const { config } = await bus.jsm.streams.info('EVENTS');
    expect(config).toMatchObject({ max_msg_size: eventBytesMax, deny_delete: true, deny_purge: true });
    const wire = await NatsWire.open(nats.url, nats.credentials.notifier ?? { user: '', password: '' });
    wires.push(wire);
    wire.publish(subjects.platform('delivery'), 'x'.repeat(eventBytesMax + 1));
    wire.publish(subjects.platform('delivery'), 'x'.repeat(eventBytesMax));
    await wire.settled();
    const { state } = await bus.jsm.streams.info('EVENTS');
    expect(state.messages).toBe(1);
  } finally {
    await bus.nc.close();
  }
});
