import type { VerifyResult } from '@crucible/transparency';

/** What the page tells the worker: how to judge, then the export's bytes in order, then that they have ended. */
export type VerifyInput =
  | {
      readonly kind: 'begin';
      readonly key: string;
      /** Signed checkpoints that the log must still agree with, and what to call each. */
      readonly kept: readonly { readonly note: string; readonly from: string }[];
    }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'end' };

export interface VerifyReport {
  readonly events: number;
  /** Null until the export has said how many there are. */
  readonly eventsTotal: number | null;
  readonly evidence: number;
  readonly bytes: number;
  readonly tookMs: number;
}

/** What the worker says: a `taken` for each piece of bytes, and the result once, as soon as it is certain. */
export type VerifyOutput =
  | { readonly kind: 'taken'; readonly report: VerifyReport }
  | { readonly kind: 'result'; readonly result: VerifyResult; readonly report: VerifyReport }
  | { readonly kind: 'failed'; readonly reason: string };
