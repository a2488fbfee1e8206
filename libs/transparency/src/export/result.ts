import type { NoteVerifier } from '../signed-note.ts';

export interface VerifyOptions {
  /** The log's public key and name: the one thing that is believed. */
  readonly verifier: NoteVerifier;
  /**
   * Checkpoints kept from earlier, as signed notes, with which the log must still agree. An export of one evaluation can
   * be held only against those of its own size or larger.
   */
  readonly kept?: readonly { readonly note: string; readonly from: string }[];
}

export interface VerifyProgress {
  readonly events: number;
  /** Events that the export says it has; null until that was read, and of one evaluation always. */
  readonly eventsTotal: number | null;
  readonly checkpoints: number;
  /** Chunks. */
  readonly evidence: number;
}

export interface VerifyResult {
  readonly ok: boolean;
  readonly events: number;
  /** In hex, over the events that a right checkpoint covers; null when none does. */
  readonly root: string | null;
  /** Position of the first event that is wrong or missing; null when all is right or nothing about events is wrong. */
  readonly firstBadPosition: number | null;
  readonly reason: string | null;
  /** Channels of evidence; `included` is false when the file was made without. */
  readonly evidence: { readonly verified: number; readonly erased: number; readonly included: boolean };
  readonly checkpoints: number;
  readonly contents: number;
  /** Events that are not of our format: leaves like any other, without anything to compare. */
  readonly undecodable: number;
  /** Size of the tree that the last right checkpoint covers. */
  readonly size: number;
  /** Set for an export of one evaluation, whose completeness no proof can show. */
  readonly evaluationId: string | null;
}
