import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseVerifierKey } from '@crucible/transparency';
import type { NoteVerifier } from '@crucible/transparency';
import { misuse } from '../client/failure.ts';
import { displayableLine } from '@crucible/events';

const KEY_BYTES_MAX = 10_000;

const readSmall = (path: string): string | undefined => {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() && stat.size <= KEY_BYTES_MAX ? readFileSync(path, 'utf8') : undefined;
};

/**
 * The log's public key as somebody gave it: the key itself, or a file with it.
 * @throws UsageFailure when it is neither
 */
export const publicKeyFrom = (given: string): NoteVerifier => {
  const direct = parseVerifierKey(given);
  if (direct !== undefined) return direct;
  const text = readSmall(given);
  const read = text === undefined ? undefined : parseVerifierKey(text);
  if (read !== undefined) return read;
  const what = text === undefined ? 'is neither a key nor a file with one' : 'holds no key';
  throw misuse(
    `--public-key: ${displayableLine(given, 200)} ${what}`,
    'a key is written <name>+<8 hex digits>+<base64>; the platform keeps its own in secrets/audit-verifier-key',
  );
};

/** The key that a platform's own audit signs with; undefined before it first ran. */
export const ownPublicKey = (home: string): NoteVerifier | undefined => {
  const text = readSmall(join(home, 'secrets', 'audit-verifier-key'));
  return text === undefined ? undefined : parseVerifierKey(text);
};

/** The key given, else the home's own. @throws UsageFailure when there is neither */
export const publicKey = (given: string | undefined, home: string): NoteVerifier => {
  const key = given === undefined ? ownPublicKey(home) : publicKeyFrom(given);
  if (key === undefined)
    throw misuse(`there is no public key in ${displayableLine(home, 200)}`, 'give it with --public-key');
  return key;
};
