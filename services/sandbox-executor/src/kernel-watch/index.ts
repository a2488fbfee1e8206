export type { Act, ActOf, OnAct } from './acts.ts';
export { EVIDENCE_BYTES_MAX, RECORDS_FULL_MAX, type Batch, type OnRecords } from './evidence.ts';
export { tracePoints, type TracePoint } from './points.ts';
export { SocketTakenError } from './seqpacket.ts';
export type { WatchReport } from './session.ts';
export { KernelWatch, WRITABLE, type Attachment, type AttachOptions } from './watch.ts';
