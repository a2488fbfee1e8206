import { streams, subjects } from '@crucible/events';

/** A place in a stream that the server keeps under a name for one service. */
export interface DurableDefinition {
  readonly service: 'gateway' | 'scheduler' | 'sandbox-executor' | 'notifier';
  readonly stream: (typeof streams)[keyof typeof streams];
  readonly durable: string;
  /** What of the stream it is about. */
  readonly subject: string;
  /** Messages that may be given out and not yet settled. */
  readonly pendingMax: number;
  /** Silence of a taker after which its message is given to another. */
  readonly ackWaitMs: number;
}

const EVENT_ACK_WAIT_MS = 30_000;
const WORK_ACK_WAIT_MS = 15_000;

const redriveOf = <S extends DurableDefinition['service']>(service: S) => ({
  service,
  stream: streams.events,
  durable: `${service}-redrive`,
  subject: subjects.platform('redrive'),
  pendingMax: 16,
  ackWaitMs: EVENT_ACK_WAIT_MS,
});

/** Every durable consumer there is, by what it is for: the one list that services consume by and a server is prepared from. */
export const durables = {
  webhook: {
    service: 'notifier',
    stream: streams.events,
    durable: 'notifier',
    subject: subjects.evaluationsOnly,
    /** Deliveries that may wait for their next attempt before new ones are held back. */
    pendingMax: 1_000,
    ackWaitMs: EVENT_ACK_WAIT_MS,
  },
  /** Hears every trial's every event, to find the alerts among them. */
  alerts: {
    service: 'notifier',
    stream: streams.events,
    durable: 'notifier-alerts',
    subject: subjects.everyTrial,
    pendingMax: 1_000,
    ackWaitMs: EVENT_ACK_WAIT_MS,
  },
  work: {
    service: 'sandbox-executor',
    stream: streams.dispatch,
    durable: 'executor-default',
    subject: subjects.dispatch('default'),
    pendingMax: 4_096,
    ackWaitMs: WORK_ACK_WAIT_MS,
  },
  erasure: {
    service: 'sandbox-executor',
    stream: streams.events,
    durable: 'sandbox-executor-erasure',
    subject: subjects.evaluationsOnly,
    pendingMax: 1,
    ackWaitMs: EVENT_ACK_WAIT_MS,
  },
  gatewayRedrive: redriveOf('gateway'),
  schedulerRedrive: redriveOf('scheduler'),
  executorRedrive: redriveOf('sandbox-executor'),
  notifierRedrive: redriveOf('notifier'),
} as const satisfies Readonly<Record<string, DurableDefinition>>;

export const durableDefinitions: readonly DurableDefinition[] = Object.values(durables);
