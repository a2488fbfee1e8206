import type { Subscription } from 'nats';
import type { Bus } from './connection.ts';

/**
 * Where a subject is heard. What a service writes stays in its account until the streams' account stores it, so others
 * hear it by way of exports, each below the name of its speaker.
 */
export const heardAs = ({ isGuest }: Bus, subject: string): readonly string[] =>
  isGuest ? [subject, `heard.*.${subject}`] : [subject];

class Ear {
  readonly listeners = new Set<() => void>();
  readonly #subscriptions: readonly Subscription[];

  constructor(bus: Bus, subject: string) {
    const callback = (): void => this.listeners.forEach((listener) => listener());
    this.#subscriptions = heardAs(bus, subject).map((name) => bus.nc.subscribe(name, { callback }));
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }
}

const ears = new WeakMap<Bus, Map<string, Ear>>();

/**
 * Calls `listener` whenever something is said on a subject, with one subscription for all who listen to it on this
 * connection. Returns how to end that.
 */
export const listen = (bus: Bus, subject: string, listener: () => void): (() => void) => {
  const own = ears.get(bus) ?? new Map<string, Ear>();
  ears.set(bus, own);
  const ear = own.get(subject) ?? new Ear(bus, subject);
  own.set(subject, ear);
  ear.listeners.add(listener);
  return () => {
    if (!ear.listeners.delete(listener) || ear.listeners.size > 0) return;
    own.delete(subject);
    ear.close();
  };
};
