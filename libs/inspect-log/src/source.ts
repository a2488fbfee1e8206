import type { CallView, EvidenceRecord } from '@crucible/api';
import type { EvaluationView, Positioned, TrialView } from '@crucible/domain';
import type { Suite } from '@crucible/suite';

/** Records of a channel by kind. */
export type EvidenceRecordCounts = Readonly<Record<string, number>>;

/** Evidence that is not kept any more, and what the platform says of it. Nothing else may make an export go on without it. */
export class EvidenceGone extends Error {
  override readonly name = 'EvidenceGone';
}

export interface PrintedPiece {
  readonly bytes: Uint8Array;
}

/**
 * What a log is written from. Everything may be long and is read once, from its beginning on. `transcript`, `printed` and
 * `kernelKinds` fail with `EvidenceGone` when what they tell of was erased; any other failure ends the export.
 */
export interface LogSource {
  readonly evaluation: EvaluationView;
  readonly suite: Suite;
  /** The platform that it ran on. */
  readonly platformVersion: string;
  /** By sample, epoch and attempt. */
  trials(): AsyncIterable<TrialView>;
  /** The evaluation's whole log, oldest first. */
  events(): AsyncIterable<Positioned>;
  /** By their position in the log. */
  calls(trial: TrialView): AsyncIterable<CallView>;
  transcript(trial: TrialView): AsyncIterable<EvidenceRecord>;
  printed(trial: TrialView): AsyncIterable<PrintedPiece>;
  kernelKinds(trial: TrialView): Promise<EvidenceRecordCounts>;
}
