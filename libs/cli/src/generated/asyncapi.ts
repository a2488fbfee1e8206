import { channelSchema, eventTypes, examples, streams } from '@crucible/events';
import type { EventType } from '@crucible/events';
import { envelopeShape, eventShape, exampleEvent, exampleSubject } from '@crucible/events/contract';

const UUID = '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';
const evaluationId = {
  description: 'Id of an evaluation: a lower-case UUID.',
  examples: ['019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f'],
};
const trialId = {
  description: 'Id of a trial in its evaluation: `<sample index>-<epoch>-<attempt>`.',
  examples: ['3-1-1'],
};

type ChannelName =
  | 'evaluation'
  | 'trial'
  | 'trialCommand'
  | 'executor'
  | 'delivery'
  | 'evidence'
  | 'redrive'
  | 'stop'
  | 'deadLetter'
  | 'team';

const eventChannels: Readonly<Record<ChannelName, { address: string; about: string; parameters?: object }>> = {
  evaluation: {
    address: 'crucible.events.evaluation.{evaluationId}',
    about: 'Events of one evaluation. `crucible.events.evaluation.<id>.>` beside it holds those of its trials.',
    parameters: { evaluationId },
  },
  trial: {
    address: 'crucible.events.evaluation.{evaluationId}.trial.{trialId}',
    about: 'Events of one trial, with the alerts that detectors raised about it.',
    parameters: { evaluationId, trialId },
  },
  trialCommand: {
    address: 'crucible.events.evaluation.{evaluationId}.trial.{trialId}.command',
    about: 'What people asked of one trial while it ran: to pause and go on, messages, decisions on tool calls.',
    parameters: { evaluationId, trialId },
  },
  executor: {
    address: 'crucible.events.platform.executor',
    about:
      'Executors that come and go, whether they are fit, what watches their trials, what they removed and stopped.',
  },
  stop: { address: 'crucible.events.platform.stop', about: 'Emergency stops, engaged and released.' },
  delivery: { address: 'crucible.events.platform.delivery', about: 'Announcements to receivers outside.' },
  evidence: { address: 'crucible.events.platform.evidence', about: 'Evidence whose payload was erased.' },
  redrive: { address: 'crucible.events.platform.redrive', about: 'Requests to handle a dead letter once more.' },
  deadLetter: {
    address: 'crucible.events.platform.dead-letter.{service}',
    about: 'Messages that a consumer of this service gave up on, and what became of them.',
    parameters: { service: { description: 'Name of the service.', examples: ['notifier'] } },
  },
  team: {
    address: 'crucible.events.team.{team}',
    about: 'What people of a team did beside evaluations: reads of evidence, copies of the log.',
    parameters: { team: { description: 'Name of the team.', examples: ['default'] } },
  },
};

/** The channel of a type: the one whose address its example's subject fits. */
const channelOf = (type: EventType): ChannelName => {
  const found = (Object.keys(eventChannels) as ChannelName[]).find((name) => {
    const pattern = eventChannels[name].address.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^.]+');
    return new RegExp(`^${pattern}$`).test(exampleSubject(type));
  });
  if (found === undefined) throw new Error(`${type} stands on a subject that no channel describes`);
  return found;
};

const ref = (...path: readonly string[]): { $ref: string } => ({ $ref: `#/${path.join('/')}` });

const eventMessage = (type: EventType): object => ({
  name: type,
  title: type,
  summary: examples[type].about,
  contentType: 'application/cloudevents+json',
  correlationId: { location: '$message.payload#/correlationid' },
  headers: {
    type: 'object',
    properties: { 'Nats-Msg-Id': { type: 'string', pattern: UUID, description: 'The `id` of the event.' } },
  },
  payload: eventShape(type, 'draft-7'),
  'x-written-by': examples[type].writtenBy,
  'x-json-schema': `schemas/${type}.json`,
  examples: [{ name: 'example', payload: exampleEvent(type) }],
});

const evidenceMessage = {
  name: 'evidence',
  summary: 'A piece of one channel of evidence. Its bytes come from a sandbox and are hostile.',
  contentType: 'application/octet-stream',
  headers: {
    type: 'object',
    properties: {
      'crucible-stream': { type: 'string', enum: ['stdout', 'stderr'], description: 'For the channel `output`.' },
      'crucible-at-ms': { type: 'string', pattern: '^[0-9]+$', description: 'Milliseconds since the trial began.' },
      'crucible-at': {
        type: 'string',
        pattern: '^[0-9]+([.][0-9]+)?$',
        description: 'The same moment in milliseconds since 1970, by the clock that all channels are told in.',
      },
    },
  },
  payload: { type: 'string', description: 'Bytes as they were produced.' },
  examples: [
    {
      name: 'output',
      headers: { 'crucible-stream': 'stdout', 'crucible-at-ms': '12', 'crucible-at': '1768382813589.25' },
      payload: 'forking\n',
    },
  ],
};

const checkpointMessage = {
  name: 'checkpoint',
  summary: 'A C2SP signed note over a tlog checkpoint: origin, number of events, root of the Merkle tree, signature.',
  contentType: 'text/plain; charset=utf-8',
  payload: { type: 'string', maxLength: 65_535 },
};

const messagesOf = (name: ChannelName): EventType[] => eventTypes.filter((type) => channelOf(type) === name);

const stream = (name: string): object => ({ 'x-jetstream-stream': name });

const channels = (): object => ({
  ...Object.fromEntries(
    (Object.keys(eventChannels) as ChannelName[]).map((name) => [
      name,
      {
        address: eventChannels[name].address,
        description: eventChannels[name].about,
        ...(eventChannels[name].parameters ? { parameters: eventChannels[name].parameters } : {}),
        messages: Object.fromEntries(messagesOf(name).map((type) => [type, ref('components', 'messages', type)])),
        ...stream(streams.events),
      },
    ]),
  ),
  evidencePayload: {
    address: 'crucible.evidence.{evaluationId}.{trialId}.{channel}',
    description:
      'What a trial produced in bulk. Kept by policy; `crucible.trial.finished` seals each channel by digest.',
    parameters: { evaluationId, trialId, channel: { enum: channelSchema.options } },
    messages: { evidence: ref('components', 'messages', 'evidence') },
    ...stream(streams.evidence),
  },
  checkpoints: {
    address: 'crucible.checkpoints',
    description: 'Signed roots of the log, in order.',
    messages: { checkpoint: ref('components', 'messages', 'checkpoint') },
    ...stream(streams.checkpoints),
  },
});

const title = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

const operations = (): object =>
  Object.fromEntries([
    ...(Object.keys(eventChannels) as ChannelName[]).map((name) => [
      `append${title(name)}Events`,
      {
        action: 'send',
        channel: ref('channels', name),
        summary: eventChannels[name].about,
        messages: messagesOf(name).map((type) => ref('channels', name, 'messages', type)),
      },
    ]),
    [
      'appendEvidence',
      { action: 'send', channel: ref('channels', 'evidencePayload'), summary: 'By the sandbox-executor.' },
    ],
    [
      'publishCheckpoint',
      { action: 'send', channel: ref('channels', 'checkpoints'), summary: 'By the audit service.' },
    ],
  ]);

/** AsyncAPI 3 document of what Crucible says on the bus; made from the catalogue. */
export const buildAsyncApi = (): object => ({
  asyncapi: '3.0.0',
  info: {
    title: 'Crucible: the bus',
    version: '1.0.0',
    description:
      'What Crucible appends to NATS JetStream; whoever reads does the reverse of each operation. Every event is a CloudEvents 1.0 JSON. A published shape is never edited: a change is a new version beside it. Evidence is for the services of the platform only.',
  },
  defaultContentType: 'application/json',
  servers: {
    platform: {
      host: '{host}:{port}',
      protocol: 'nats',
      description: 'A NATS server with JetStream, 2.9 or later.',
      variables: { host: { default: '127.0.0.1' }, port: { default: '4222' } },
      security: [ref('components', 'securitySchemes', 'user')],
    },
  },
  channels: channels(),
  operations: operations(),
  components: {
    schemas: { envelope: { title: 'Envelope of every event', ...envelopeShape('draft-7') } },
    messages: {
      ...Object.fromEntries(eventTypes.map((type) => [type, eventMessage(type)])),
      evidence: evidenceMessage,
      checkpoint: checkpointMessage,
    },
    securitySchemes: {
      user: { type: 'userPassword', description: 'The user `subscriber` may read and nothing else.' },
    },
  },
});
