import { closeSync, existsSync, mkdirSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { displayableLine } from '@crucible/events';
import { openCheckpoint, verifyExport } from '@crucible/transparency';
import { verifyExportInThreads } from '@crucible/transparency/node';
import type { NoteVerifier, VerifyOptions, VerifyResult } from '@crucible/transparency';
import { z } from 'zod';
import type { ApiClient } from '../client/api-client.ts';
import { misuse } from '../client/failure.ts';
import { locateHome, readState, writeAtomically } from '../platform/home.ts';
import { LastCheckpoint } from './last-checkpoint.ts';
import { ProgressLine } from './progress-line.ts';

const READ_BYTES = 1024 ** 2;
const NOTE_BYTES_MAX = 65_536;
/** From here on threads are worth their start. */
const THREADS_FROM_BYTES = 32 * 1024 ** 2;

type Kept = NonNullable<VerifyOptions['kept']>[number];

/** An export on disk. `size` in bytes; 0 for a pipe. @throws UsageFailure when it cannot be read at all */
export const openExport = async (
  path: string,
): Promise<{ readonly bytes: AsyncIterable<Uint8Array>; readonly size: number }> => {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw misuse(`${displayableLine(path, 200)} cannot be read (${error.code})`);
  });
  const stat = await handle.stat();
  if (stat.isFile() || stat.isFIFO())
    return { bytes: handle.createReadStream({ highWaterMark: READ_BYTES }), size: stat.size };
  await handle.close();
  throw misuse(`${displayableLine(path, 200)} is no file`);
};

/** At most so many bytes of what may have no end. */
const beginningOf = (path: string, bytesMax: number): Buffer => {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(bytesMax);
    let done = 0;
    for (let read = -1; read !== 0 && done < bytesMax; done += read)
      read = readSync(file, bytes, done, bytesMax - done, null);
    return bytes.subarray(0, done);
  } finally {
    closeSync(file);
  }
};

/** A checkpoint somebody kept, with which the log must still agree. */
export const keptFrom = (path: string): Kept => {
  try {
    return {
      note: beginningOf(path, NOTE_BYTES_MAX + 1).toString('utf8'),
      from: `the checkpoint in ${displayableLine(path, 200)}`,
    };
  } catch (error) {
    throw misuse(`${displayableLine(path, 200)} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
};

/** Checks an export, shows how far it is, and takes the last checkpoint out of it. */
export const verifyBytes = async (
  source: AsyncIterable<Uint8Array>,
  options: VerifyOptions,
  check: typeof verifyExport = verifyExport,
): Promise<{ readonly result: VerifyResult; readonly note: string | undefined }> => {
  const last = new LastCheckpoint();
  const line = new ProgressLine();
  const watched = async function* (): AsyncGenerator<Uint8Array> {
    for await (const bytes of source) {
      last.push(bytes);
      yield bytes;
    }
  };
  try {
    const result = await check(watched(), options, ({ events, eventsTotal, evidence }) =>
      line.show(
        () =>
          `${events}${eventsTotal === null ? '' : ` of ${eventsTotal}`} events, ${evidence} pieces of evidence checked`,
      ),
    );
    return { result, note: last.note };
  } finally {
    line.end();
  }
};

const verifiedPath = (home: string): string => join(locateHome(home).root, 'audit', 'verified-checkpoint');

/** The checkpoint of the last verification that this home's log passed. */
const lastVerified = (home: string): Kept[] => {
  const path = verifiedPath(home);
  return existsSync(path) ? [{ ...keptFrom(path), from: `the checkpoint that was verified last (${path})` }] : [];
};

const keepVerified = (home: string, note: string): void => {
  const path = verifiedPath(home);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeAtomically(path, note);
};

const statusSchema = z.object({ broken: z.string().nullable() });

/** What the audit itself found wrong: it has seen what the log was before, and not only what is exported now. */
const withAuditsWord = async (client: ApiClient, result: VerifyResult): Promise<VerifyResult> => {
  if (!result.ok) return result;
  const { broken } = await client.get('/audit/status', statusSchema);
  return broken === null ? result : { ...result, ok: false, reason: `the audit says: ${broken}` };
};

/** An archive's log is what was imported, and stays it. */
const asImported = (home: string, result: VerifyResult): VerifyResult => {
  const { archive } = readState(locateHome(home));
  if (archive === undefined || !result.ok || (result.size === archive.size && result.root === archive.root))
    return result;
  const reason = `this archive is not the log that was imported: root ${archive.root} at ${archive.size}`;
  return { ...result, ok: false, reason };
};

type Options = { readonly verifier: NoteVerifier; readonly kept: readonly Kept[] };

const verifyOnce = async (client: ApiClient, options: Options): ReturnType<typeof verifyBytes> => {
  const over = new AbortController();
  try {
    const response = await client.download('/audit/export', { purpose: 'verify' }, over.signal);
    if (response.body === null) throw new Error('the platform sent nothing');
    return await verifyBytes(response.body, options);
  } finally {
    over.abort();
  }
};

const lacksEvidence = ({ ok, reason }: VerifyResult): boolean => !ok && reason !== null && /^evidence of /.test(reason);

/**
 * Checks the log of a running platform. What was verified is kept in the home, and the next verification must agree with
 * it: a log that was set back to an older copy is noticed.
 * @throws what the client throws
 */
export const verifyLive = async (client: ApiClient, home: string, options: Options): Promise<VerifyResult> => {
  const wanted = { ...options, kept: [...options.kept, ...lastVerified(home)] };
  const first = await verifyOnce(client, wanted);
  // What was erased while it was read is recorded behind the checkpoint that it was read up to: the next one covers it.
  const { result, note } = lacksEvidence(first.result) ? await verifyOnce(client, wanted) : first;
  const judged = await withAuditsWord(client, asImported(home, result));
  const opened = note === undefined ? undefined : openCheckpoint(note, options.verifier);
  if (judged.ok && note !== undefined && opened?.ok && opened.checkpoint.size === judged.size) keepVerified(home, note);
  return judged;
};

/** Checks a file, without a platform. */
export const verifyFile = async (path: string, options: VerifyOptions): ReturnType<typeof verifyBytes> => {
  const { bytes, size } = await openExport(path);
  return verifyBytes(bytes, options, size >= THREADS_FROM_BYTES ? verifyExportInThreads : verifyExport);
};

/** The answer of `--json`: what everybody reads first, then the rest. */
export const jsonOf = (result: VerifyResult): object => {
  const { ok, events, root, firstBadPosition, reason, evidence, checkpoints, ...rest } = result;
  return { ok, events, root, firstBadPosition, reason, evidence, checkpoints, ...rest };
};

const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** One line for people. */
export const lineOf = (result: VerifyResult): string => {
  const { ok, events, root, firstBadPosition, reason, evidence, checkpoints, contents } = result;
  if (!ok) {
    const where = firstBadPosition === null ? 'wrong' : `wrong at position ${firstBadPosition}`;
    return `${where}: ${displayableLine(reason ?? 'it does not verify', 1_000)}`;
  }
  const channels = evidence.included
    ? `${plural(evidence.verified, 'channel')} of evidence (and ${evidence.erased} erased)`
    : 'made without evidence';
  const parts = [`root ${root ?? '-'}`, plural(checkpoints, 'checkpoint'), plural(contents, 'suite'), channels];
  const part = result.evaluationId === null ? '' : ` of evaluation ${result.evaluationId}`;
  return `ok: ${plural(events, 'event')}${part}, ${parts.join(', ')}`;
};
