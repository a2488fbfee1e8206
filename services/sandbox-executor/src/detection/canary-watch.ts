import { canariesIn, canaryAt, CanaryScanner, CanarySearch } from '@crucible/detectors';
import type { CanaryHit, CanaryKey, CanaryOwner, EventOf, EventPlace, Minted } from '@crucible/detectors';
import type { Act } from '../kernel-watch/acts.ts';

/** A canary that was seen, as rules look at it, and whose it is when it is another trial's. */
export interface Sighting {
  readonly event: EventOf<'canary'>;
  readonly foreignTrial: CanaryOwner | null;
}

type How = EventOf<'canary'>['how'];
type Stream = 'stdout' | 'stderr';

/** One canary seen in one way says nothing new after so many times. */
const TELLINGS_MAX = 10;
/** Ways and owners that are told apart. */
const KINDS_MAX = 256;
/** The sandbox's own first process puts the canaries where they are. */
const INIT = 1;
/** What is looked through of one program's arguments. */
const ARGS_CHARS_MAX = 64 * 1024;
const NOT_THERE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);

const outputPlace = (stream: Stream, offset: number): EventPlace => ({
  channel: 'output',
  record: null,
  stream,
  offset,
});
const kernelPlace = (n: number): EventPlace => ({ channel: 'kernel', record: n, stream: null, offset: null });

/** Whether both are attempts at the same sample in the same epoch, one before the other. */
const isEarlierAttempt = (one: string, other: string): boolean => {
  const [place, attempt] = cutAtLast(one);
  const [otherPlace, otherAttempt] = cutAtLast(other);
  return place === otherPlace && Number(attempt) < Number(otherAttempt);
};
const cutAtLast = (trialId: string): readonly [string, string] => {
  const at = trialId.lastIndexOf('-');
  return [trialId.slice(0, at), trialId.slice(at + 1)];
};

/** Watches what one trial does with canaries, its own and others'. */
export class CanaryWatch {
  readonly #key: CanaryKey;
  readonly #own: Minted;
  readonly #tell: (sighting: Sighting) => void;
  readonly #scanners = new Map<Stream, CanaryScanner>();
  readonly #tellings = new Map<string, number>();
  #search: CanarySearch | undefined;
  #carriesOn = false;
  #at = 0;

  constructor(key: CanaryKey, own: Minted, tell: (sighting: Sighting) => void) {
    this.#key = key;
    this.#own = own;
    this.#tell = tell;
  }

  /** The conversation began in earlier attempts at this trial: what was planted there stands in it, and is its own. */
  carryOn(): void {
    this.#carriesOn = true;
  }

  output(stream: Stream, bytes: Uint8Array, at: number): void {
    this.#at = at;
    let scanner = this.#scanners.get(stream);
    if (scanner === undefined) {
      scanner = new CanaryScanner(this.#looking, (hit) =>
        this.#hit(hit, hit.encoded ? 'encoded' : 'printed', outputPlace(stream, hit.offset), this.#at),
      );
      this.#scanners.set(stream, scanner);
    }
    scanner.push(bytes);
  }

  /** A message of a conversation: what goes to a model, or comes from it. @param n number of its record */
  said(text: string, how: 'sent' | 'said', n: number, at: number): void {
    for (const hit of canariesIn(this.#looking, text))
      this.#hit(hit, how, { channel: 'transcript', record: n, stream: null, offset: null }, at);
  }

  act(act: Act, n: number, at: number): void {
    if (act.tgid === INIT && !(act.kind === 'open' && act.forTool)) return;
    if (act.kind === 'open') this.#opened(act, n, at);
    else if (act.kind === 'exec')
      this.#named([act.path, ...act.args].join(' ').slice(0, ARGS_CHARS_MAX), 'executed', n, at);
    else if (act.kind === 'connect' || act.kind === 'bind') this.#named(act.address, 'connected', n, at);
  }

  /** The trial's output is all there. */
  end(): void {
    for (const scanner of this.#scanners.values()) scanner.end();
  }

  /** Made at the first need: a millisecond that the start of a program need not wait for. */
  get #looking(): CanarySearch {
    return (this.#search ??= new CanarySearch(this.#key, this.#own.fragments));
  }

  #opened({ path, errno }: Act & { kind: 'open' }, n: number, at: number): void {
    const name = canaryAt(path);
    if (name !== null && !NOT_THERE.has(errno)) this.#seen(name, 'opened', kernelPlace(n), at, null);
    // A file's name may carry one as well as its content.
    if (path.includes(this.#key.marker)) this.#named(path, 'opened', n, at);
  }

  #named(text: string, how: How, n: number, at: number): void {
    if (text.length < 12) return;
    for (const hit of canariesIn(this.#looking, text)) this.#hit(hit, how, kernelPlace(n), at);
  }

  #hit(hit: CanaryHit, how: How, place: EventPlace, at: number): void {
    if (hit.kind === 'flood') return this.#seen('canary-marker', how, place, at, null);
    if (hit.kind === 'fragment') return this.#seen(hit.name, how, place, at, null);
    const { name, evaluationId, trialId } = hit.tag;
    const { owner } = this.#own;
    const own =
      evaluationId === owner.evaluationId &&
      (trialId === owner.trialId || (this.#carriesOn && isEarlierAttempt(trialId, owner.trialId)));
    this.#seen(name, how, place, at, own ? null : { evaluationId, trialId });
  }

  #seen(name: string, how: How, place: EventPlace, at: number, foreignTrial: CanaryOwner | null): void {
    const kind = [name, how, foreignTrial?.evaluationId, foreignTrial?.trialId].join(' ');
    const tellings = this.#tellings.get(kind) ?? 0;
    if (tellings >= TELLINGS_MAX || (tellings === 0 && this.#tellings.size >= KINDS_MAX)) return;
    this.#tellings.set(kind, tellings + 1);
    this.#tell({ event: { kind: 'canary', at, place, name, own: foreignTrial === null, how }, foreignTrial });
  }
}
