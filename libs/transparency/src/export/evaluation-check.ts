import { equalBytes } from '../bytes.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { verifyInclusion } from '../proof.ts';
import type { ProvenFact } from './digest.ts';
import type { Complaint } from './evidence-check.ts';
import type { HeaderLine } from './format.ts';
import type { Kept } from './tree-check.ts';

/**
 * The events of one evaluation, each against its own proof. That all of them are there, no proof can show; that each is
 * in the log where it is said to be, it does.
 */
export class EvaluationCheck {
  readonly #size: number;
  readonly #evaluationId: string;
  readonly #kept: readonly Kept[];
  #anchor: Checkpoint | undefined;
  #lastPosition = 0;

  constructor({ size, evaluationId }: HeaderLine, kept: readonly Kept[]) {
    this.#size = size;
    this.#evaluationId = evaluationId ?? '';
    this.#kept = kept;
  }

  /** What the events are proven against, once it was read. */
  get anchor(): Checkpoint | undefined {
    return this.#anchor;
  }

  get lastPosition(): number {
    return this.#lastPosition;
  }

  /** The one checkpoint, whose signature was found good. */
  checkpoint(checkpoint: Checkpoint): Complaint | null {
    const size = this.#size;
    if (this.#anchor !== undefined)
      return { position: this.#lastPosition + 1, reason: 'a second checkpoint stands where it may not' };
    if (checkpoint.size !== size)
      return { position: 1, reason: `the checkpoint covers ${checkpoint.size} events, the export says ${size}` };
    for (const kept of this.#kept) {
      const over = `${kept.from} covers ${kept.checkpoint.size}`;
      if (kept.checkpoint.size > size)
        return {
          position: size + 1,
          reason: `the checkpoint covers ${size} events, but ${over}: this is an older copy`,
        };
      if (kept.checkpoint.size === size && !equalBytes(kept.checkpoint.root, checkpoint.root))
        return { position: 1, reason: `events 1 to ${size} are not those that ${kept.from} was signed over` };
    }
    this.#anchor = checkpoint;
    return null;
  }

  add(fact: ProvenFact): Complaint | null {
    const { position, leaf, proof } = fact;
    const wrong = (reason: string): Complaint => ({ position, reason });
    if (this.#anchor === undefined) return wrong('no checkpoint stands before the events');
    if (position <= this.#lastPosition) return wrong(`event ${position} comes behind event ${this.#lastPosition}`);
    const { size, root } = this.#anchor;
    if (!verifyInclusion({ leaf, index: position - 1, size, root, proof }))
      return wrong(`event ${position} is not in the signed log at this position: its proof does not lead to the root`);
    if (!this.#belongs(fact)) return wrong(`event ${position} is not of this evaluation`);
    this.#lastPosition = position;
    return null;
  }

  end(): Complaint | null {
    return this.#anchor === undefined ? { position: 1, reason: 'the export has no checkpoint' } : null;
  }

  #belongs({ subject, evaluationId }: ProvenFact): boolean {
    const own = `crucible.events.evaluation.${this.#evaluationId}`;
    return subject === own || subject.startsWith(`${own}.`) || evaluationId === this.#evaluationId;
  }
}
