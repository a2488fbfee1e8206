/** What an event says that the rest of an export must bear out. */
export type Claim =
  | { readonly kind: 'suite'; readonly position: number; readonly digest: string }
  | {
      readonly kind: 'seals';
      readonly position: number;
      readonly evaluationId: string;
      readonly trialId: string;
      readonly seals: readonly Seal[];
    }
  | {
      readonly kind: 'erased';
      readonly position: number;
      readonly evaluationId: string;
      readonly trialId: string;
      readonly channel: string;
    };

/** What a channel of evidence held when it was closed. */
export interface Seal {
  readonly channel: string;
  readonly chunks: number;
  readonly bytes: number;
  /** In lower-case hex, over the payloads joined in order. */
  readonly sha256: string;
}

const SEALS_MAX = 16;
const TYPE = /^crucible\.(evaluation\.submitted|trial\.finished|evidence\.erased)\.v\d+$/;
/** Where events that claim something stand, and nowhere else. */
const EVALUATION = 'crucible.events.evaluation.';
const ERASURES = 'crucible.events.platform.evidence';
const DIGEST = /^[0-9a-f]{64}$/;

export type Json = Readonly<Record<string, unknown>>;
export const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;

const isSeal = (value: unknown): value is Seal =>
  isObject(value) &&
  typeof value['channel'] === 'string' &&
  Number.isSafeInteger(value['chunks']) &&
  Number.isSafeInteger(value['bytes']) &&
  typeof value['sha256'] === 'string' &&
  DIGEST.test(value['sha256']);

const digestOf = (suite: unknown): string | undefined => {
  const digest = isObject(suite) ? suite['digest'] : undefined;
  return typeof digest === 'string' && DIGEST.test(digest) ? digest : undefined;
};

/**
 * The claim of an event, `null` when it makes none, undefined when it should and cannot be read. Whoever may write under
 * one subject could otherwise claim there what is not theirs to say, such as that evidence was erased.
 */
export const claimOf = (position: number, subject: string, type: unknown, data: unknown): Claim | null | undefined => {
  const [, what] = (typeof type === 'string' ? TYPE.exec(type) : null) ?? [];
  if (what === undefined) return null;
  if (!isObject(data)) return undefined;
  const { evaluationId, trialId, channel, evidence, suite } = data;
  if (what === 'evaluation.submitted') {
    const digest = digestOf(suite);
    if (digest === undefined || subject !== `${EVALUATION}${String(evaluationId)}`) return undefined;
    return { kind: 'suite', position, digest };
  }
  if (typeof evaluationId !== 'string' || typeof trialId !== 'string') return undefined;
  if (what === 'evidence.erased') {
    if (typeof channel !== 'string' || subject !== ERASURES) return undefined;
    return { kind: 'erased', position, evaluationId, trialId, channel };
  }
  if (subject !== `${EVALUATION}${evaluationId}.trial.${trialId}`) return undefined;
  if (!Array.isArray(evidence) || evidence.length > SEALS_MAX || !evidence.every(isSeal)) return undefined;
  const seals = evidence.map(({ channel, chunks, bytes, sha256 }) => ({ channel, chunks, bytes, sha256 }));
  return seals.length === 0 ? null : { kind: 'seals', position, evaluationId, trialId, seals };
};
