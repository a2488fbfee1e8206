import { createHash } from 'node:crypto';
import type { EvidenceSeal, ModelMessage, Speaker, TranscriptRecord } from '@crucible/events';
import { EvidenceWriter } from '../trials/evidence-writer.ts';

const NDJSON = { 'content-type': 'application/x-ndjson' };

/** What a record says beside its number and time. */
type Body = TranscriptRecord extends infer R ? (R extends TranscriptRecord ? Omit<R, 'n' | 'at'> : never) : never;

/** Whose words a message is, where that is a person. */
export interface SaidBy {
  readonly actor: string;
  readonly position: number;
}

/** Writes down what is said in one trial, a record a message, in order. Nothing is cut here: messages are bounded before. */
export class Transcript {
  readonly #writer: EvidenceWriter;
  readonly #now: () => number;
  readonly #hash = createHash('sha256');
  #n = 0;
  #room: Promise<void> = Promise.resolve();

  constructor(writer: EvidenceWriter, now: () => number) {
    this.#writer = writer;
    this.#now = now;
  }

  /** The failure that cost a piece of it, if one was lost. */
  get lost(): Error | undefined {
    return this.#writer.lost;
  }

  /** Records so far: the number of the last one. */
  get records(): number {
    return this.#n;
  }

  /** @returns number of the record */
  message(turn: number, by: Speaker, message: ModelMessage, said?: SaidBy): number {
    return this.#write({ kind: 'message', turn, by, message, ...said });
  }

  /** A message to or from a model that plays a person or judges. @returns number of the record */
  aside(turn: number, role: 'user' | 'grader', message: ModelMessage): number {
    return this.#write({ kind: 'aside', turn, role, message });
  }

  /** Says that the conversation can go on from here, having so many messages. */
  turn(turn: number, messages: number): void {
    this.#write({ kind: 'turn', turn, messages, sha256: this.#hash.copy().digest('hex') });
  }

  /** Resolves when there is room for more: who waits for it cannot fill memory. */
  room(): Promise<void> {
    return this.#room;
  }

  /** Resolves when everything so far can be read by others, or was lost. */
  stored(): Promise<void> {
    return this.#writer.stored();
  }

  seal(): Promise<EvidenceSeal> {
    return this.#writer.seal(0);
  }

  #write(body: Body): number {
    this.#n += 1;
    const line = Buffer.from(`${JSON.stringify({ n: this.#n, at: this.#now(), ...body })}\n`);
    this.#hash.update(line);
    this.#room = this.#writer.write('transcript', NDJSON, line);
    return this.#n;
  }
}
