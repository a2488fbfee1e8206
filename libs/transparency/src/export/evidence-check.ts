import { crypto } from '#crypto';
import type { HashStream } from '../crypto/port.ts';
import { toHex } from '../bytes.ts';
import type { Claim, Seal } from './claims.ts';
import type { EvidenceLine } from './format.ts';

/** A complaint and the event it is about. */
export interface Complaint {
  readonly position: number;
  readonly reason: string;
}

type SealsClaim = Extract<Claim, { kind: 'seals' }>;
type Place = Pick<EvidenceLine, 'evaluationId' | 'trialId' | 'channel'>;

const keyOf = ({ evaluationId, trialId, channel }: Place): string => `${evaluationId}\n${trialId}\n${channel}`;

/** What has come of the seal that is being checked. */
interface Open {
  chunks: number;
  bytes: number;
  sequence: number;
  hash: HashStream;
}

const opened = (): Open => ({ chunks: 0, bytes: 0, sequence: -1, hash: crypto.sha256Stream() });

/**
 * Chunks of evidence against their seals. Both come in the same order, so only one seal is open at a time, however much
 * evidence there is.
 */
export class EvidenceCheck {
  readonly #trials: SealsClaim[] = [];
  readonly #erased = new Set<string>();
  /** Place of the open seal: the trial, and the seal within it. */
  #trial = 0;
  #seal = 0;
  #open: Open | undefined;
  verified = 0;
  erased = 0;

  claim(claim: SealsClaim | Extract<Claim, { kind: 'erased' }>): void {
    if (claim.kind === 'seals') this.#trials.push(claim);
    else this.#erased.add(keyOf(claim));
  }

  /** The next chunk, or what is wrong with what came before it. */
  chunk(line: EvidenceLine): Complaint | null {
    const key = keyOf(line);
    for (let at = this.#current(); at !== undefined; at = this.#current()) {
      if (keyOf({ ...at.trial, channel: at.seal.channel }) === key) return this.#take(at.trial, at.seal, line);
      const complaint = this.#settle(at.trial, at.seal);
      if (complaint !== null) return complaint;
    }
    const position = this.#trials.findLast((trial) =>
      trial.seals.some((seal) => key === this.#key(trial, seal)),
    )?.position;
    const reason = `evidence of ${shown(line)} stands where no seal asks for it`;
    return { position: position ?? this.#trials.at(-1)?.position ?? 1, reason };
  }

  /** Nothing more comes. */
  end(): Complaint | null {
    for (let at = this.#current(); at !== undefined; at = this.#current()) {
      const complaint = this.#settle(at.trial, at.seal);
      if (complaint !== null) return complaint;
    }
    return null;
  }

  /** The event whose seal is next to be borne out. */
  get pending(): number | null {
    return this.#current()?.trial.position ?? null;
  }

  #key(trial: SealsClaim, seal: Seal): string {
    return keyOf({ ...trial, channel: seal.channel });
  }

  #current(): { trial: SealsClaim; seal: Seal } | undefined {
    for (; this.#trial < this.#trials.length; this.#trial += 1, this.#seal = 0) {
      const trial = this.#trials[this.#trial];
      const seal = trial?.seals[this.#seal];
      if (trial !== undefined && seal !== undefined) return { trial, seal };
    }
    return undefined;
  }

  #take(trial: SealsClaim, seal: Seal, { sequence, body }: EvidenceLine): Complaint | null {
    this.#open ??= opened();
    if (sequence <= this.#open.sequence)
      return this.#complaint(trial, seal, `is out of order: chunk ${sequence} comes behind ${this.#open.sequence}`);
    this.#open.sequence = sequence;
    this.#open.chunks += 1;
    this.#open.bytes += body.length;
    this.#open.hash.update(body);
    return null;
  }

  #settle(trial: SealsClaim, seal: Seal): Complaint | null {
    const { chunks, bytes, hash } = this.#open ?? opened();
    this.#open = undefined;
    this.#seal += 1;
    const whole = chunks === seal.chunks && bytes === seal.bytes;
    if (whole && toHex(hash.digest()) === seal.sha256) {
      this.verified += 1;
      return null;
    }
    if (this.#erased.has(this.#key(trial, seal))) {
      this.erased += 1;
      return null;
    }
    if (whole) return this.#complaint(trial, seal, 'was edited: it does not hash to its seal');
    const counts = `${chunks} of ${seal.chunks} chunks, ${bytes} of ${seal.bytes} bytes`;
    if (chunks < seal.chunks)
      return this.#complaint(trial, seal, `is missing: there are ${counts}, and none was erased`);
    return this.#complaint(trial, seal, `was edited: there are ${counts}`);
  }

  #complaint(trial: SealsClaim, seal: Seal, what: string): Complaint {
    return { position: trial.position, reason: `evidence of ${shown({ ...trial, channel: seal.channel })} ${what}` };
  }
}

const shown = ({ evaluationId, trialId, channel }: Place): string =>
  `channel ${JSON.stringify(channel.slice(0, 40))} of trial ${JSON.stringify(trialId.slice(0, 40))} of evaluation ${JSON.stringify(evaluationId.slice(0, 40))}`;
