import { startNats, type TestNats } from '@crucible/cli/testing';
import { durableDefinitions, JetStreamContent, openBus, type Bus } from '@crucible/event-log';
import { evaluationIdSchema, subjects, trialIdSchema } from '@crucible/events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NatsWire } from './support/nats-wire.ts';

const evaluationId = evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f');
const trialId = trialIdSchema.parse('3-1-1');
const evaluation = subjects.evaluation(evaluationId);
const trial = subjects.trial(evaluationId, trialId);
const evidence = subjects.evidence(evaluationId, trialId, 'output');
const forged = JSON.stringify({ specversion: '1.0', type: 'crucible.trial.finished.v2', subject: trial });

/** What each may write, as docs/architecture.md says it. Everything else is somebody else's. */
const owned = {
  gateway: [
    /^crucible\.events\.evaluation\.[^.]+(\.trial\.[^.]+\.command)?$/,
    /^crucible\.events\.team\./,
    /^crucible\.events\.platform\.(redrive|dead-letter\.gateway)$/,
    /^crucible\.control\./,
    /^\$O\.CONTENT\./,
  ],
  scheduler: [
    /^crucible\.events\.evaluation\.[^.]+(\.trial\.[^.]+)?$/,
    /^crucible\.events\.platform\.dead-letter\.scheduler$/,
    /^crucible\.dispatch\./,
  ],
  'sandbox-executor': [
    /^crucible\.events\.evaluation\.[^.]+\.trial\.[^.]+$/,
    /^crucible\.events\.platform\.(executor|evidence|dead-letter\.sandbox-executor)$/,
    /^crucible\.evidence\./,
    /^crucible\.live\.evaluation\.[^.]+\.trial\.[^.]+$/,
  ],
  audit: [/^crucible\.checkpoints$/, /^crucible\.events\.platform\.dead-letter\.audit$/],
  notifier: [/^crucible\.events\.platform\.(delivery|dead-letter\.notifier)$/],
  subscriber: [],
} as const satisfies Record<string, readonly RegExp[]>;
type Attacker = keyof typeof owned;
const attackers = Object.keys(owned) as Attacker[];

/** Something each may write, to have its bytes in the log. */
const ownSubject: Readonly<Record<Exclude<Attacker, 'subscriber'>, string>> = {
  gateway: 'crucible.events.team.red',
  scheduler: 'crucible.events.platform.dead-letter.scheduler',
  'sandbox-executor': 'crucible.events.platform.executor',
  audit: 'crucible.events.platform.dead-letter.audit',
  notifier: 'crucible.events.platform.delivery',
};
/** Which calls that take something away it may make on what is its own. */
const ownPurge: Partial<Record<Attacker, string>> = { gateway: 'OBJ_CONTENT', 'sandbox-executor': 'EVIDENCE' };

/** Whose messages it takes, and so takes away. */
const taken: Partial<Record<Attacker, string>> = { 'sandbox-executor': subjects.dispatch('default') };

const streams = ['EVENTS', 'EVIDENCE', 'DISPATCH', 'CHECKPOINTS', 'OBJ_CONTENT'];
const apis = ['$JS.API', 'CRUCIBLE.API', '$JS.CRUCIBLE.API'];
const consumers = durableDefinitions.map(({ stream, durable }) => `${stream}.${durable}`);

const targets = [
  trial,
  subjects.trialCommand(evaluationId, trialId),
  evaluation,
  'crucible.events.team.default',
  ...['executor', 'delivery', 'evidence', 'redrive'].map((topic) => `crucible.events.platform.${topic}`),
  ...attackers.map((name) => `crucible.events.platform.dead-letter.${name}`),
  evidence,
  subjects.dispatch('default'),
  subjects.checkpoints,
  subjects.controlCancel(evaluationId),
  subjects.live(evaluationId, trialId),
  '$O.CONTENT.M.YQ==',
  ...apis.flatMap((api) => [`${api}.STREAM.DELETE.DISPATCH`, `${api}.STREAM.PURGE.EVENTS`]),
  ...apis.map((api) => `${api}.CONSUMER.DELETE.EVENTS.notifier`),
  ...consumers.map((consumer) => `$JS.ACK.${consumer}.1.1.1.1700000000000000000.0`),
  `heard.scheduler.${trial}`,
  '_R_.forged.forged',
];
const heardLive = [subjects.everyLive, `heard.*.${subjects.everyLive}`];
const foreignTo = (who: Attacker): string[] =>
  targets.filter((target) => !owned[who].some((own: RegExp) => own.test(target)));

/** Requests that answer with something stored or known; whoever may not make one is refused. */
const requests: [subject: string, body: string][] = apis.flatMap((api) => [
  [`${api}.INFO`, ''],
  ...streams.flatMap((stream): [string, string][] => [
    [`${api}.STREAM.INFO.${stream}`, ''],
    [`${api}.DIRECT.GET.${stream}`, '{"seq":1}'],
    [`${api}.DIRECT.GET.${stream}`, '{"last_by_subj":">"}'],
    [`${api}.STREAM.MSG.GET.${stream}`, '{"seq":1}'],
  ]),
  ...consumers.flatMap((consumer): [string, string][] => [
    [`${api}.CONSUMER.INFO.${consumer}`, ''],
    [`${api}.CONSUMER.MSG.NEXT.${consumer}`, '{"batch":10,"no_wait":true}'],
    [`$JS.ACK.${consumer}.1.1.1.1700000000000000000.0`, '+NXT {"batch":10,"no_wait":true}'],
  ]),
]);

const push = { deliver_subject: trial, ack_policy: 'none', deliver_policy: 'all' };
const source = { name: 'EVENTS', opt_start_seq: 1 };
/** Calls that make something, change it or take it away. */
const management = (stream: string): [subject: string, body: string][] => [
  [`STREAM.CREATE.${stream}`, JSON.stringify({ name: stream, subjects: ['crucible.>'] })],
  ['STREAM.CREATE.MINE', JSON.stringify({ name: 'MINE', mirror: source })],
  ['STREAM.CREATE.MINE', JSON.stringify({ name: 'MINE', sources: [source], republish: { src: '>', dest: trial } })],
  [`STREAM.UPDATE.${stream}`, JSON.stringify({ name: stream, subjects: ['elsewhere'], deny_purge: false })],
  [`STREAM.DELETE.${stream}`, ''],
  [`STREAM.PURGE.${stream}`, ''],
  [`STREAM.MSG.DELETE.${stream}`, '{"seq":1}'],
  [`STREAM.SNAPSHOT.${stream}`, JSON.stringify({ deliver_subject: trial })],
  [`STREAM.RESTORE.${stream}`, JSON.stringify({ config: { name: stream }, state: {} })],
  [`STREAM.PEER.REMOVE.${stream}`, '{"peer":"x"}'],
  [`STREAM.LEADER.STEPDOWN.${stream}`, ''],
  [`CONSUMER.CREATE.${stream}`, JSON.stringify({ stream_name: stream, config: push })],
  [`CONSUMER.CREATE.${stream}.mine`, JSON.stringify({ stream_name: stream, config: { ...push, name: 'mine' } })],
  [
    `CONSUMER.DURABLE.CREATE.${stream}.mine`,
    JSON.stringify({ stream_name: stream, config: { ...push, durable_name: 'mine' } }),
  ],
];
const elsewhere = [
  '$JS.API.ACCOUNT.PURGE.CRUCIBLE',
  '$JS.API.ACCOUNT.STREAM.MOVE.CRUCIBLE.EVENTS',
  '$JS.API.META.LEADER.STEPDOWN',
  '$JS.API.SERVER.REMOVE',
  '$SYS.REQ.SERVER.PING.CONNZ',
  '$SYS.REQ.ACCOUNT.CRUCIBLE.CONNZ',
  '$SYS.REQ.ACCOUNT.CRUCIBLE.JSZ',
];
/** What a server writes into a request that it leads from one account into another. */
const disguise = {
  'Nats-Request-Info': JSON.stringify({ acc: 'CRUCIBLE', svc: 'CRUCIBLE', user: 'operator' }),
  'Nats-Rollup': 'all',
};

let nats: TestNats;
let bus: Bus;
let wire: NatsWire;
/** Heard by the operator of what no stream keeps, and by the gateway of what it shows people. */
let heardControl = 0;
let viewer: NatsWire;

/** Everything that the account of the streams holds, by subject, and how it is set up. */
const inventory = async () => {
  const held = new Map<string, number>();
  const setUp: Record<string, unknown> = {};
  for await (const { config } of bus.jsm.streams.list()) {
    setUp[config.name] = config;
    const { state } = await bus.jsm.streams.info(config.name, { subjects_filter: '>' });
    for (const [subject, count] of Object.entries(state.subjects ?? {})) held.set(subject, count);
    for await (const consumer of bus.jsm.consumers.list(config.name)) {
      const { config: own, ack_floor, num_ack_pending } = consumer;
      const { stream, service } = durableDefinitions.find(({ durable }) => durable === consumer.name) ?? {};
      setUp[`${config.name}.${consumer.name}`] = { own, stream, service, ack_floor, num_ack_pending };
    }
  }
  return { held, setUp };
};
const ofOthers = (setUp: Record<string, unknown>, who: Attacker): Record<string, unknown> =>
  Object.fromEntries(Object.entries(setUp).filter(([, each]) => (each as { service?: string }).service !== who));

beforeAll(async () => {
  nats = await startNats();
  bus = await openBus({ url: nats.url, user: nats.user, password: nats.password, name: 'test' });
  // The words by which a consumer is answered, too, so that a reply can be one.
  for (const body of [forged, '+TERM', '+ACK', '']) await bus.js.publish(evaluation, body);
  await bus.js.publish(trial, forged);
  await bus.js.publish(evidence, forged);
  await bus.js.publish(subjects.checkpoints, 'a note');
  for (const number of [1, 2]) await bus.js.publish(subjects.dispatch('default'), `${number}`);
  await new JetStreamContent(bus).put(Buffer.from('a suite'));
  // Work in somebody's hands.
  const work = await bus.js.consumers.get('DISPATCH', 'executor-default');
  expect((await work.next())?.seq).toBe(1);
  for (const subject of ['crucible.control.>', 'crucible.live.>'])
    bus.nc.subscribe(subject, { callback: () => (heardControl += 1) });
  viewer = await NatsWire.open(nats.url, nats.credentials.gateway as { user: string; password: string });
  // Where the executor is heard; what a gateway says to itself is its own affair.
  viewer.subscribe(`heard.*.${subjects.everyLive}`);
  await viewer.settled();
});
afterAll(async () => {
  viewer?.close();
  await bus?.nc.close();
  await nats?.stop();
});
afterEach(() => wire?.close());

it('is a trick that works in the account of the streams: the server says there what it is asked to', async () => {
  const before = (await inventory()).held.get(trial) ?? 0;
  bus.nc.publish('$JS.API.DIRECT.GET.EVENTS', '{"seq":1}', { reply: trial });
  await expect.poll(async () => (await inventory()).held.get(trial)).toBe(before + 1);
});

describe.each(attackers)('%s, taken over', (who) => {
  let before: Awaited<ReturnType<typeof inventory>>;
  beforeEach(async () => {
    const login = nats.credentials[who];
    if (login === undefined) throw new Error(`no user ${who}`);
    before = await inventory();
    heardControl = 0;
    wire = await NatsWire.open(nats.url, login);
  });

  const expectOnlyOwn = async (): Promise<void> => {
    await wire.settled();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const after = await inventory();
    const changed = [...new Set([...before.held.keys(), ...after.held.keys()])].filter((subject) => {
      const grown = (after.held.get(subject) ?? 0) - (before.held.get(subject) ?? 0);
      return subject === taken[who] ? grown > 0 : grown !== 0;
    });
    expect(changed.filter((subject) => !owned[who].some((own: RegExp) => own.test(subject)))).toEqual([]);
    expect(ofOthers(after.setUp, who)).toEqual(ofOthers(before.setUp, who));
    expect(heardControl).toBe(0);
    await viewer.settled();
    expect(viewer.heard).not.toContain('MSG ');
    expect(viewer.heard).not.toContain('Permissions Violation');
  };

  it('says nothing on the subjects of others', async () => {
    for (const target of foreignTo(who)) {
      wire.publish(target, forged);
      wire.publish(target, forged, '_INBOX.a');
      wire.publishWithHeaders(target, disguise, forged, '_INBOX.a');
    }
    await expectOnlyOwn();
  });

  it('has nothing said there by an answer, whatever it asks for', async () => {
    for (const [subject, body] of requests)
      for (const target of foreignTo(who)) {
        wire.publish(subject, body, target);
        wire.publishWithHeaders(subject, disguise, body, target);
      }
    await expectOnlyOwn();
  });

  it('has nothing said there by what it wrote itself', async () => {
    if (who === 'subscriber') return;
    const subject = ownSubject[who];
    const bodies = [forged, '+TERM', '+ACK', ''];
    for (const target of foreignTo(who)) for (const body of bodies) wire.publish(subject, body, target);
    await wire.settled();
    expect((await inventory()).held.get(subject)).toBeGreaterThan(before.held.get(subject) ?? 0);
    const last = (await bus.jsm.streams.info('EVENTS')).state.last_seq;
    for (const target of foreignTo(who))
      for (let seq = last; seq > last - bodies.length; seq -= 1)
        for (const api of apis) {
          wire.publish(`${api}.DIRECT.GET.EVENTS`, JSON.stringify({ seq }), target);
          wire.publish(`${api}.STREAM.MSG.GET.EVENTS`, JSON.stringify({ seq }), target);
        }
    await expectOnlyOwn();
  });

  it('makes nothing, changes nothing and takes nothing away', async () => {
    for (const stream of streams)
      for (const [call, body] of management(stream))
        for (const api of apis) {
          if (call === `STREAM.PURGE.${ownPurge[who] ?? ''}`) continue;
          wire.publish(`${api}.${call}`, body, '_INBOX.a');
          wire.publishWithHeaders(`${api}.${call}`, disguise, body, '_INBOX.a');
        }
    for (const consumer of consumers)
      for (const api of apis) wire.publish(`${api}.CONSUMER.DELETE.${consumer}`, '', '_INBOX.a');
    for (const subject of elsewhere) wire.publish(subject, '', '_INBOX.a');
    await expectOnlyOwn();
  });

  it('hears what a subject says as it says it only where people are shown it', async () => {
    if (who === 'gateway') return;
    for (const subject of heardLive) {
      wire.subscribe(subject);
      await wire.settled();
      expect(wire.heard).toContain(`Permissions Violation for Subscription to "${subject}"`);
    }
  });

  it('hears nobody else\u2019s answers', async () => {
    for (const subject of ['>', '_R_.>', '$JS.>', '$JS.API.>', 'CRUCIBLE.API.>', '$SYS.>', 'crucible.dispatch.>']) {
      wire.subscribe(subject);
      await wire.settled();
      expect(wire.heard).toContain(`Permissions Violation for Subscription to "${subject}"`);
    }
    wire.subscribe('_INBOX.>');
    await wire.settled();
    await bus.nc.request('$JS.API.STREAM.INFO.EVENTS');
    await wire.settled();
    expect(wire.heard).not.toContain('MSG _INBOX');
  });
});

it('brings what the executor tells of a running trial to the gateway, and into no stream', async () => {
  const subject = subjects.live(evaluationId, trialId);
  const before = await inventory();
  wire = await NatsWire.open(nats.url, nats.credentials['sandbox-executor'] as { user: string; password: string });
  wire.publish(subject, 'as it comes');
  await wire.settled();
  await expect.poll(() => viewer.heard).toContain(`MSG heard.sandbox-executor.${subject}`);
  expect(viewer.heard).toContain('as it comes');
  expect((await inventory()).held).toEqual(before.held);
});
