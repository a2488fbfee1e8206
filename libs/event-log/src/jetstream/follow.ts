import type { FollowOptions } from '../port.ts';
import { LogIncomplete } from '../port.ts';
import type { BusUnavailable } from '../port.ts';
import { subjectMatches } from '../subject-match.ts';
import type { Bus } from './connection.ts';
import { directReader } from './direct.ts';
import type { DirectMessage, DirectQuery, DirectReader } from './direct.ts';
import { listen } from './hints.ts';

/** How long a hint may be lost before its message is found all the same. */
const POLL_MS = 2_000;
/** A hint comes when its message is sent, which may be before it is stored. */
const STORED_AFTER_MS = [1, 3, 10, 30] as const;
/** When every hint has its message, one more look: one whose hint was lost may have stood before them. */
const SETTLED_AFTER_MS = [100] as const;
/** How many messages of other subjects may be read in vain before the server is asked for the next of ours. */
const IN_VAIN_MAX = 64;
/** As many messages as are read in vain for one of ours where that is still quicker than asking for the next. */
const DENSE_DISTANCE = 8;

/** What a stream promises of its positions, and how it is read. */
export interface FollowedStream {
  readonly name: string;
  readonly everything: string;
  /** Whether a message may be missing where there are later ones. */
  readonly mayHaveGaps: boolean;
  /** Messages asked for at once. */
  readonly windowMax: number;
}

/**
 * Messages of a stream in order from a sequence on, by direct reads side by side: no consumer is made. What is said on the
 * subject is the hint to look again.
 * @throws LogIncomplete where a stream that keeps everything has lost something
 */
export async function* followStream(
  bus: Bus,
  stream: FollowedStream,
  options: FollowOptions,
): AsyncGenerator<DirectMessage> {
  const follower = new Follower(bus, stream, options);
  try {
    yield* follower.messages();
  } catch (error) {
    if (!options.signal.aborted && !bus.nc.isClosed()) throw error;
  } finally {
    follower.close();
  }
}

class Follower {
  readonly #bus: Bus;
  readonly #stream: FollowedStream;
  readonly #subject: string | undefined;
  readonly #signal: AbortSignal;
  readonly #reader: DirectReader;
  readonly #leave: () => void;
  /** Whoever waits in here for an answer or a hint; the signal ends it. */
  readonly #waiting = new Set<() => void>();
  readonly #onAbort = (): void => this.#waiting.forEach((end) => end());
  #heard = 0;
  /** Hints whose message was not handed out yet. */
  #owed = 0;
  /** Whether everything that is stored was handed out when last looked. */
  #atHead = false;
  #onHint = (): void => undefined;
  #next: number;
  /** Last position handed out. */
  #last = 0;

  constructor(bus: Bus, stream: FollowedStream, { from, subject, signal }: FollowOptions) {
    this.#bus = bus;
    this.#stream = stream;
    this.#subject = subject;
    this.#signal = signal;
    this.#next = Math.max(1, from);
    this.#reader = directReader(bus, stream.name);
    this.#leave = listen(bus, subject ?? stream.everything, () => {
      this.#heard += 1;
      this.#owed += 1;
      this.#onHint();
    });
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#leave();
  }

  async *messages(): AsyncGenerator<DirectMessage> {
    let heard = this.#heard;
    let looks = 0;
    while (!this.#signal.aborted) {
      const before = this.#next;
      const found = await this.#first();
      if (found !== null) {
        yield this.#hand(found);
        if (!this.#isSettled && found.seq - before < DENSE_DISTANCE) yield* this.#run();
        looks = 0;
        if (!this.#isSettled) continue;
      } else this.#atHead = true;
      if (this.#signal.aborted) return;
      if (this.#heard > heard) {
        heard = this.#heard;
        looks = 0;
      }
      const delayMs = (this.#isSettled ? SETTLED_AFTER_MS : STORED_AFTER_MS)[looks];
      looks += 1;
      // What was said and is not there by now was refused.
      if (delayMs === undefined) this.#owed = 0;
      await this.#pause(delayMs ?? POLL_MS, heard);
      if (delayMs === undefined && this.#heard === heard) await this.#passBy();
    }
  }

  /** Whether nothing is known of that was not handed out. */
  get #isSettled(): boolean {
    return this.#atHead && this.#owed === 0;
  }

  #hand(message: DirectMessage): DirectMessage {
    this.#next = message.seq + 1;
    this.#last = message.seq;
    // Found without a hint: there may be more of that kind.
    if (this.#owed === 0) this.#atHead = false;
    else this.#owed -= 1;
    return message;
  }

  /** The first message from the next position on. */
  async #first(): Promise<DirectMessage | null> {
    const at = this.#next;
    const found = await this.#get({ seq: at, next_by_subj: this.#subject ?? '>' });
    if (found === null || found.seq === at || this.#subject !== undefined || this.#stream.mayHaveGaps) return found;
    // Asked for once more, because it may have been stored between.
    const missing = await this.#get({ seq: at });
    if (missing === null && !this.#signal.aborted)
      throw new LogIncomplete(`${this.#stream.name} has no message ${at}, though it has ${found.seq}`);
    return missing;
  }

  /** What follows, one position after the other, until one is missing or too few are ours. */
  async *#run(): AsyncGenerator<DirectMessage> {
    const coming: Promise<DirectMessage | null>[] = [];
    let asked = this.#next;
    let inVain = 0;
    for (let window = 1; !this.#signal.aborted; window = Math.min(this.#stream.windowMax, window * 2)) {
      // By the half window: one at a time would be one packet each.
      if (coming.length <= window / 2)
        for (; coming.length < window; asked += 1) coming.push(this.#get({ seq: asked }));
      const message = (await coming.shift()) ?? null;
      if (message === null) return;
      if (this.#subject !== undefined && !subjectMatches(this.#subject, message.subject)) {
        this.#next = message.seq + 1;
        inVain += 1;
        if (inVain > IN_VAIN_MAX) return;
        continue;
      }
      inVain = Math.max(0, inVain - DENSE_DISTANCE);
      yield this.#hand(message);
    }
  }

  /** Learns how far the stream has grown by other subjects, so that the server need not look through them again. */
  async #passBy(): Promise<void> {
    const head = await this.#head();
    if (head === undefined) return;
    if (head < this.#last && !this.#stream.mayHaveGaps)
      throw new LogIncomplete(`${this.#stream.name} ends at ${head}, though ${this.#last} was read`);
    if (this.#subject === undefined || head < this.#next) return;
    if ((await this.#first()) === null && !this.#signal.aborted) this.#next = head + 1;
  }

  async #head(): Promise<number | undefined> {
    try {
      return (await this.#bus.jsm.streams.info(this.#stream.name)).state.last_seq;
    } catch {
      return undefined;
    }
  }

  /** Null also when the signal came. */
  #get(query: DirectQuery): Promise<DirectMessage | null> {
    const answer = new Promise<DirectMessage | null>((resolve, reject) => {
      const end = (): void => resolve(null);
      if (this.#signal.aborted) return end();
      this.#waiting.add(end);
      const settle = (message: DirectMessage | null, error?: BusUnavailable): void => {
        this.#waiting.delete(end);
        if (error === undefined) resolve(message);
        else reject(error);
      };
      this.#reader.ask(query, settle);
    });
    // Nobody may be waiting any more when it fails.
    answer.catch(() => undefined);
    return answer;
  }

  /** Waits for a hint behind the `heard` ones, for `ms` at most. */
  async #pause(ms: number, heard: number): Promise<void> {
    if (this.#heard > heard || this.#signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#waiting.add(end);
      this.#onHint = end;
    });
    this.#onHint = (): void => undefined;
  }
}
