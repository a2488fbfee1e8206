import type { EvidenceStore } from '@crucible/event-log';
import type { Logger } from '@crucible/service-kit';
import type { Eraser } from './eraser.ts';

/** Often enough that what is written between two looks fits between the beginning of erasing and the bound. */
const LOOK_MS = 1_000;
/** Erasing begins above the first share of the bound and ends below the second. */
const BEGIN_SHARE = 0.9;
const END_SHARE = 0.8;
/** Chunks looked at in one go: running trials are stepped over a chunk at a time. */
const STEPS_MAX = 100_000;

const mebibytes = (bytes: number): string => `${Math.round(bytes / 1024 ** 2)} MiB`;

/**
 * Keeps the evidence below its bound: erases the oldest ended trials' evidence before the store is full, each with its
 * record. While the store is full all the same, because what fills it still runs, no new trial may begin.
 */
export class Retention {
  readonly #eraser: Eraser;
  readonly #evidence: EvidenceStore;
  readonly #bytesMax: number;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #underWay: Promise<void> | null = null;
  #full = false;
  /** Whether what an earlier life left half done was done. */
  #settled = false;

  constructor(eraser: Eraser, evidence: EvidenceStore, policy: { readonly bytesMax: number }, logger: Logger) {
    this.#eraser = eraser;
    this.#evidence = evidence;
    this.#bytesMax = policy.bytesMax;
    this.#logger = logger;
  }

  /** Whether there is no room for more evidence. */
  get full(): boolean {
    return this.#full;
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
    void this.look();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#underWay;
  }

  /** One look at what is kept. Never rejects; several at once are one. */
  look(): Promise<void> {
    this.#underWay ??= this.#keepBelow()
      .catch((error: unknown) => this.#logger.error({ err: error }, 'evidence not looked after, trying again'))
      .finally(() => (this.#underWay = null));
    return this.#underWay;
  }

  async #keepBelow(): Promise<void> {
    if (!this.#settled) await this.#eraser.settle();
    this.#settled = true;
    const { bytes, bytesMax } = await this.#evidence.usage();
    const bound = Math.min(this.#bytesMax, bytesMax ?? Infinity);
    this.#full = bytes >= bound;
    if (bytes < bound * BEGIN_SHARE) return;
    await this.#eraseOldest(bound, `${mebibytes(bytes)} of evidence were kept, at most ${mebibytes(bound)} are`);
    const { bytes: left } = await this.#evidence.usage();
    this.#full = left >= bound;
    this.#logger.warn({ before: bytes, after: left, bound }, 'the oldest evidence was erased to make room');
  }

  async #eraseOldest(bound: number, detail: string): Promise<void> {
    const notEnded = new Set<string>();
    for (let after = 0, step = 0; step < STEPS_MAX; step += 1) {
      const found = await this.#evidence.oldest(after);
      if (found === null) return;
      const { evaluationId, trialId } = found.place;
      after = found.sequence;
      const name = `${evaluationId}/${trialId}`;
      if (notEnded.has(name)) continue;
      if ((await this.#eraser.retire(evaluationId, trialId, detail)) === null) notEnded.add(name);
      else if ((await this.#evidence.usage()).bytes < bound * END_SHARE) return;
    }
  }
}
