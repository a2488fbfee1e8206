import { liveMessageSchema, subjects } from '@crucible/events';
import type { LiveMessage } from '@crucible/events';
import type { Subscription } from 'nats';
import type { LiveReplies, TrialPlace } from '../port.ts';
import { json } from './connection.ts';
import type { Bus } from './connection.ts';
import { heardAs } from './hints.ts';

type Listener = (message: LiveMessage) => void;

interface Ear {
  readonly listeners: Set<Listener>;
  readonly subscriptions: readonly Subscription[];
}

const decoded = (data: Uint8Array): LiveMessage | undefined => {
  try {
    return liveMessageSchema.safeParse(json.decode(data)).data;
  } catch {
    return undefined;
  }
};

/** On core NATS: no stream has these subjects, so nothing of it is stored anywhere. */
export class NatsLiveReplies implements LiveReplies {
  readonly #bus: Bus;
  readonly #ears = new Map<string, Ear>();

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  tell({ evaluationId, trialId }: TrialPlace, message: LiveMessage): void {
    // A connection that is being closed takes nothing more, and nobody misses it.
    if (!this.#bus.nc.isClosed() && !this.#bus.nc.isDraining())
      this.#bus.nc.publish(subjects.live(evaluationId, trialId), json.encode(message));
  }

  /** However many listen to one trial, it is heard and read once. */
  listen({ evaluationId, trialId }: TrialPlace, listener: Listener): () => void {
    const subject = subjects.live(evaluationId, trialId);
    const ear = this.#ears.get(subject) ?? this.#open(subject);
    ear.listeners.add(listener);
    return () => {
      if (!ear.listeners.delete(listener) || ear.listeners.size > 0) return;
      this.#ears.delete(subject);
      for (const subscription of ear.subscriptions) subscription.unsubscribe();
    };
  }

  #open(subject: string): Ear {
    const listeners = new Set<Listener>();
    const subscriptions = heardAs(this.#bus, subject).map((name) =>
      this.#bus.nc.subscribe(name, {
        callback: (error, { data }) => {
          const message = error === null ? decoded(data) : undefined;
          if (message !== undefined) for (const each of listeners) each(message);
        },
      }),
    );
    const ear = { listeners, subscriptions };
    this.#ears.set(subject, ear);
    return ear;
  }
}
