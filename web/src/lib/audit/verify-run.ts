import type { VerifyInput, VerifyOutput, VerifyReport } from './verify-messages.ts';

/** Pieces on their way to the worker at once: enough that it never waits, few enough that a long log needs no memory. */
const piecesAheadMax = 8;

/** The part of a worker that a run needs; a test puts its own in. */
export interface VerifyThread {
  onmessage: ((message: MessageEvent<VerifyOutput>) => void) | null;
  postMessage(message: VerifyInput, transfer?: Transferable[]): void;
}

export interface VerifyRun {
  readonly key: string;
  readonly kept: readonly { readonly note: string; readonly from: string }[];
  readonly open: (signal: AbortSignal) => Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
  readonly onReport: (report: VerifyReport) => void;
}

export type VerifyOutcome = Extract<VerifyOutput, { readonly kind: 'result' | 'failed' }>;

/**
 * Leads an export's bytes to a worker, no faster than it takes them, until it knows the result.
 * @param signal ends it without an outcome: the promise then never settles
 */
export const runVerification = (
  thread: VerifyThread,
  { key, kept, open, onReport }: VerifyRun,
  signal: AbortSignal,
): Promise<VerifyOutcome> =>
  new Promise((resolve) => {
    const reading = new AbortController();
    const ended = AbortSignal.any([signal, reading.signal]);
    let ahead = 0;
    let onRoom: () => void = () => undefined;
    const settle = (outcome: VerifyOutcome): void => {
      reading.abort();
      onRoom();
      if (!signal.aborted) resolve(outcome);
    };
    thread.onmessage = ({ data }) => {
      if (ended.aborted) return;
      if (data.kind !== 'taken') return settle(data);
      ahead -= 1;
      onReport(data.report);
      onRoom();
    };
    const feed = async (): Promise<void> => {
      const reader = (await open(ended)).getReader();
      thread.postMessage({ kind: 'begin', key, kept });
      for (;;) {
        const { done, value } = await reader.read();
        if (done || ended.aborted) break;
        ahead += 1;
        thread.postMessage({ kind: 'bytes', bytes: value }, [value.buffer]);
        if (ahead >= piecesAheadMax) await new Promise<void>((room) => (onRoom = room));
      }
      if (!ended.aborted) thread.postMessage({ kind: 'end' });
      else await reader.cancel();
    };
    feed().catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      // A line that broke says nothing of the log; a file that is cut off is for the verifier to name.
      if (!ended.aborted) settle({ kind: 'failed', reason: why });
    });
  });
