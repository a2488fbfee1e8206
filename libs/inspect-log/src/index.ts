export { EvidenceGone } from './source.ts';
export type { EvidenceRecordCounts, LogSource, PrintedPiece } from './source.ts';
export { inspectLog, logFormats, logVersion } from './write.ts';
export type { LogFormat, WriteOptions } from './write.ts';
