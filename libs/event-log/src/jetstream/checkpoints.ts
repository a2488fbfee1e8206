import { streams, subjects } from '@crucible/events';
import type { Checkpoints, StoredCheckpoint } from '../port.ts';
import { isNoMessage, unavailable } from './connection.ts';
import type { Bus } from './connection.ts';

/** Asked for at once when many are read. */
const READS_AT_ONCE = 100;

export class JetStreamCheckpoints implements Checkpoints {
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  async append(note: string): Promise<number> {
    return (await this.#bus.js.publish(subjects.checkpoints, new TextEncoder().encode(note))).seq;
  }

  async last(): Promise<string | null> {
    try {
      const message = await this.#bus.jsm.streams.getMessage(streams.checkpoints, {
        last_by_subj: subjects.checkpoints,
      });
      return new TextDecoder().decode(message.data);
    } catch (error) {
      if (isNoMessage(error)) return null;
      throw error;
    }
  }

  async read(after: number, limit: number): Promise<StoredCheckpoint[]> {
    const checkpoints: StoredCheckpoint[] = [];
    for (let first = after + 1; checkpoints.length < limit; first += READS_AT_ONCE) {
      const wanted = Math.min(READS_AT_ONCE, limit - checkpoints.length);
      const read = await Promise.all(Array.from({ length: wanted }, (_, index) => this.#readOne(first + index)));
      const found = read.filter((each) => each !== null);
      checkpoints.push(...found);
      if (found.length < wanted) break;
    }
    return checkpoints;
  }

  async #readOne(sequence: number): Promise<StoredCheckpoint | null> {
    try {
      const { data } = await this.#bus.direct.getMessage(streams.checkpoints, { seq: sequence });
      return { sequence, note: new TextDecoder().decode(data) };
    } catch (error) {
      if (isNoMessage(error)) return null;
      throw unavailable(`read checkpoint ${sequence}`, error);
    }
  }
}
