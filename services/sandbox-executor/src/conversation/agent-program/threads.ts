import { createHash } from 'node:crypto';
import type { ModelMessage } from '@crucible/events';

const KNOWN_MAX = 20_000;

/** What of a message comes back from a program that was given it: not what a model thought, nor how arguments were read. */
const bareOf = (message: ModelMessage): readonly unknown[] => {
  switch (message.role) {
    case 'system':
    case 'user':
      return [message.role, message.content];
    case 'assistant':
      return [message.role, message.content, message.toolCalls.map(({ id, tool, inputText }) => [id, tool, inputText])];
    case 'tool':
      return [message.role, message.toolCallId, message.content];
  }
};

const next = (before: string, message: ModelMessage): string =>
  createHash('sha256')
    .update(before)
    .update(JSON.stringify(bareOf(message)))
    .digest('base64');

/** A conversation as far as it is on record. */
export interface Known {
  /** Messages of it that are on record, from the first on. */
  readonly count: number;
  /** Number of the last one's record; null when there is none. */
  readonly record: number | null;
  /** What stands for them all. */
  readonly digest: string;
}

/**
 * Which conversations of an agent program are on record. A program sends the whole conversation with each call, may have
 * several, and may change what it said before: what is not the beginning of one that is known is new.
 */
export class Threads {
  readonly #records = new Map<string, number>();

  of(messages: readonly ModelMessage[]): Known {
    let known: Known = { count: 0, record: null, digest: '' };
    for (const message of messages) {
      const digest = next(known.digest, message);
      const record = this.#records.get(digest);
      if (record === undefined) break;
      known = { count: known.count + 1, record, digest };
    }
    return known;
  }

  /** A conversation goes on by a message that is on record now. */
  add({ count, digest }: Known, message: ModelMessage, record: number): Known {
    const grown = { count: count + 1, record, digest: next(digest, message) };
    this.#records.set(grown.digest, record);
    if (this.#records.size > KNOWN_MAX) this.#records.delete(this.#records.keys().next().value as string);
    return grown;
  }
}
