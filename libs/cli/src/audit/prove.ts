import { existsSync, readFileSync } from 'node:fs';
import { eventAnswerSchema, eventListSchema } from '@crucible/api';
import { displayableLine, eventBytesMax } from '@crucible/events';
import { toHex, verifyTlogProof } from '@crucible/transparency';
import type { NoteVerifier, ProofVerdict } from '@crucible/transparency';
import type { ApiClient } from '../client/api-client.ts';
import { failed, misuse } from '../client/failure.ts';
import { writeAtomically } from '../platform/home.ts';

const PROOF_BYTES_MAX = 262_144;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The position that a person means by a number or by an event's id. @throws UsageFailure */
const positionOf = async (client: ApiClient, given: string): Promise<number> => {
  if (/^[1-9]\d{0,15}$/.test(given)) return Number(given);
  const id = given.trim().toLowerCase();
  if (!UUID.test(id)) throw misuse('give an event by its position in the log, or by its whole id');
  const { items } = await client.get('/api/v1/events', eventListSchema, { id, limit: 1 });
  const [found] = items;
  if (found === undefined) throw misuse(`there is no event ${id}`);
  return found.position;
};

export interface Proven {
  readonly position: number;
  readonly size: number;
  readonly root: string;
  readonly proofFile: string;
  readonly eventFile: string;
}

/** Where a proof goes and the event's bytes beside it. @throws UsageFailure when one is there already */
const filesFor = (position: number, out: string | undefined, force: boolean): { proof: string; event: string } => {
  const proof = out ?? `event-${position}.tlog-proof`;
  const event = `${proof.replace(/\.tlog-proof$/, '')}.json`;
  for (const path of [proof, event])
    if (!force && existsSync(path))
      throw misuse(`${displayableLine(path, 200)} is there already`, 'choose another name, or replace it with --force');
  return { proof, event };
};

/**
 * Writes a proof that an event stands in the log, and the event's bytes beside it. Both are checked before they are
 * written.
 * @throws Error when the platform's proof does not hold
 */
export const prove = async (
  client: ApiClient,
  given: string,
  options: { readonly verifier: NoteVerifier; readonly out?: string | undefined; readonly force: boolean },
): Promise<Proven> => {
  const position = await positionOf(client, given);
  const files = filesFor(position, options.out, options.force);
  const [{ base64 }, proof] = await Promise.all([
    client.get(`/api/v1/events/${position}`, eventAnswerSchema),
    client.text(`/audit/proof/${position}`),
  ]);
  const bytes = Buffer.from(base64, 'base64');
  const verdict = verifyTlogProof(proof, bytes, options.verifier);
  if (!verdict.ok) throw failed(`the platform’s proof does not hold: ${verdict.reason}`);
  if (verdict.index !== position - 1) throw failed(`the platform’s proof is of position ${verdict.index + 1}`);
  writeAtomically(files.event, bytes, 0o644);
  writeAtomically(files.proof, proof, 0o644);
  const { size, root } = verdict.checkpoint;
  return { position, size, root: toHex(root), proofFile: files.proof, eventFile: files.event };
};

const readBounded = (path: string, bytesMax: number): Buffer => {
  try {
    const bytes = readFileSync(path);
    if (bytes.length <= bytesMax) return bytes;
  } catch (error) {
    throw misuse(`${displayableLine(path, 200)} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  throw misuse(`${displayableLine(path, 200)} is larger than ${bytesMax} bytes`);
};

/** Checks a proof against an event's bytes and the log's key, without a platform. */
export const checkProof = (proofFile: string, eventFile: string, verifier: NoteVerifier): ProofVerdict =>
  verifyTlogProof(
    readBounded(proofFile, PROOF_BYTES_MAX).toString('utf8'),
    readBounded(eventFile, eventBytesMax),
    verifier,
  );
