import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startNats, type TestNats } from '@crucible/cli/testing';
import { ensureStreams, JetStreamCheckpoints, JetStreamEventLog, openBus, type Bus } from '@crucible/event-log';
import { evaluationIdSchema, examples, subjects, trialIdSchema, type EventType, type NewEvent } from '@crucible/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NatsWire } from './support/nats-wire.ts';

const example = fileURLToPath(new URL('../../../docs/examples/follow-evaluation.mjs', import.meta.url));
const run = promisify(execFile);
const evaluationId = evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f');
const other = evaluationIdSchema.parse('019ab3f0-0000-7a42-9d3e-2f6b8c0d1e2f');
const trialId = trialIdSchema.parse('3-1-1');
const trialSubject = subjects.trial(evaluationId, trialId);
const origin = { source: 'test', team: 'default', actor: 'user:local', correlationId: evaluationId };

let nats: TestNats;
let bus: Bus;
let log: JetStreamEventLog;
const wires: NatsWire[] = [];

const as = async (user: 'subscriber' | 'notifier'): Promise<NatsWire> => {
  const login = nats.credentials[user];
  if (login === undefined) throw new Error(`no ${user}`);
  const wire = await NatsWire.open(nats.url, login);
  wires.push(wire);
  return wire;
};
const append = (type: EventType, id = evaluationId): Promise<unknown> => {
  const { data } = examples[type];
  const subject = type.startsWith('crucible.trial.') ? subjects.trial(id, trialId) : subjects.evaluation(id);
  return log.append({ subject, event: { type, data: { ...data, evaluationId: id } } as NewEvent, origin });
};
const messagesIn = async (stream: string): Promise<number> => (await bus.jsm.streams.info(stream)).state.messages;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

beforeAll(async () => {
  nats = await startNats();
  bus = await openBus({ url: nats.url, user: nats.user, password: nats.password, name: 'test' });
  await ensureStreams(bus);
  log = new JetStreamEventLog(bus);
});
afterAll(async () => {
  for (const wire of wires) wire.close();
  await bus?.nc.close();
  await nats?.stop();
});

describe('the subscriber', () => {
  it('follows one evaluation with the program of the documentation, from before it came to its end', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'crucible-subscriber-'));
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, nats.credentials.subscriber?.password ?? '');
    try {
      await append('crucible.evaluation.submitted.v2');
      await append('crucible.evaluation.submitted.v2', other);
      const following = run(process.execPath, [example, nats.url, passwordFile, evaluationId], { timeout: 30_000 });
      await append('crucible.trial.dispatched.v1', other);
      await append('crucible.trial.dispatched.v1');
      await pause(1_000);
      await append('crucible.trial.finished.v2');
      await append('crucible.evaluation.completed.v1', other);
      await append('crucible.evaluation.completed.v1');
      const lines = (await following).stdout.trimEnd().split('\n');
      expect(lines.map((line) => line.split(' ').slice(0, 2))).toEqual([
        ['1', 'crucible.evaluation.submitted.v2'],
        ['4', 'crucible.trial.dispatched.v1'],
        ['5', 'crucible.trial.finished.v2'],
        ['7', 'crucible.evaluation.completed.v1'],
      ]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('hears events and checkpoints as they are appended, and no evidence', async () => {
    const subscriber = await as('subscriber');
    for (const subject of [subjects.events, subjects.checkpoints]) subscriber.subscribe(subject);
    await subscriber.settled();
    await append('crucible.evaluation.admitted.v1');
    await new JetStreamCheckpoints(bus).append('a note\n');
    await expect.poll(() => subscriber.heard).toContain('MSG crucible.checkpoints');
    expect(subscriber.heard).toContain('crucible.evaluation.admitted.v1');
    expect(subscriber.heard).not.toContain('Permissions Violation');
    for (const subject of [subjects.everyEvidence, subjects.everyDispatch, 'crucible.control.>', '>']) {
      subscriber.subscribe(subject);
      await subscriber.settled();
      expect(subscriber.heard).toContain(`Permissions Violation for Subscription to "${subject}"`);
    }
  });

  it.each([
    trialSubject,
    subjects.evaluation(evaluationId),
    subjects.checkpoints,
    subjects.controlCancel(evaluationId),
    subjects.dispatch('default'),
    '$JS.API.CONSUMER.CREATE.CHECKPOINTS',
    '$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.mine',
    '$JS.API.CONSUMER.DELETE.EVENTS.projector',
    '$JS.API.STREAM.PURGE.EVENTS',
    '$JS.API.STREAM.MSG.GET.EVIDENCE',
    '$JS.API.DIRECT.GET.EVIDENCE',
  ])('may not say %s', async (subject) => {
    const before = await messagesIn('EVENTS');
    const subscriber = await as('subscriber');
    subscriber.publish(subject, '{}');
    await subscriber.settled();
    expect(subscriber.heard).toContain(`Permissions Violation for Publish to "${subject}"`);
    expect(await messagesIn('EVENTS')).toBe(before);
  });

  it('cannot have the server say it either: answers it directs elsewhere do not reach the platform', async () => {
    const counts = () => Promise.all(['EVENTS', 'DISPATCH', 'CHECKPOINTS', 'EVIDENCE'].map(messagesIn));
    const before = await counts();
    let cancels = 0;
    bus.nc.subscribe('crucible.control.>', { callback: () => (cancels += 1) });
    await bus.nc.flush();
    const subscriber = await as('subscriber');
    for (const reply of [
      trialSubject,
      subjects.controlCancel(evaluationId),
      subjects.dispatch('default'),
      subjects.checkpoints,
      subjects.evidence(evaluationId, trialId, 'output'),
      '$JS.API.STREAM.DELETE.DISPATCH',
    ]) {
      subscriber.publish('$JS.API.DIRECT.GET.EVENTS', '{"seq":1}', reply);
    }
    await subscriber.settled();
    await pause(300);
    expect(await counts()).toEqual(before);
    expect(cancels).toBe(0);
  });
});

describe('the notifier', () => {
  it('may not append an event of a trial or an evaluation, but its own', async () => {
    const before = await messagesIn('EVENTS');
    const notifier = await as('notifier');
    for (const subject of [trialSubject, subjects.evaluation(evaluationId)]) {
      notifier.publish(subject, '{}');
      await notifier.settled();
      expect(notifier.heard).toContain(`Permissions Violation for Publish to "${subject}"`);
    }
    expect(await messagesIn('EVENTS')).toBe(before);
    notifier.publish(subjects.platform('delivery'), '{}');
    await notifier.settled();
    await expect.poll(() => messagesIn('EVENTS')).toBe(before + 1);
  });
});

describe.each(['EVENTS', 'CHECKPOINTS'])('%s', (stream) => {
  it('loses nothing, whoever asks', async () => {
    const before = await messagesIn(stream);
    expect(before).toBeGreaterThan(0);
    await expect(bus.jsm.streams.purge(stream)).rejects.toThrow(/purge/);
    await expect(bus.jsm.streams.purge(stream, { keep: 1 })).rejects.toThrow(/purge/);
    await expect(bus.jsm.streams.deleteMessage(stream, 1)).rejects.toThrow(/delete/);
    await expect(bus.jsm.streams.deleteMessage(stream, 1, false)).rejects.toThrow(/delete/);
    await expect(bus.jsm.streams.update(stream, { deny_purge: false })).rejects.toThrow(/purge/);
    await expect(bus.jsm.streams.update(stream, { deny_delete: false })).rejects.toThrow(/delete/);
    expect(await messagesIn(stream)).toBe(before);
  });
});
