import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { verifierKey } from '@crucible/transparency';
import { rawPublicKey, verifierOf } from '@crucible/transparency/node';
import type { NoteSigner } from '@crucible/transparency/node';

const KEY_FILE = 'audit-signing-key.pem';
const VERIFIER_FILE = 'audit-verifier-key';
const OTHERS_MAY = 0o077;

/** Thrown when the key on disk cannot be trusted to be ours alone; the message says what to do. */
export class SigningKeyUnusable extends Error {
  override readonly name = 'SigningKeyUnusable';
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** Creates a file whole or not at all, and never over one that is there. */
const createOnce = (path: string, text: string, mode: number): void => {
  const partial = `${path}.${randomUUID()}`;
  writeFileSync(partial, text, { mode, flag: 'wx', flush: true });
  try {
    linkSync(partial, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(partial);
  }
};

const readIfThere = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};

const readKey = (path: string): KeyObject => {
  if ((statSync(path).mode & OTHERS_MAY) !== 0)
    throw new SigningKeyUnusable(`${path} can be read by others than its owner: chmod 600 it`);
  const key = createPrivateKey(readFileSync(path));
  if (key.asymmetricKeyType !== 'ed25519') throw new SigningKeyUnusable(`${path} holds no Ed25519 key`);
  return key;
};

/** A log's name must be its own among all logs: it is taken from the key, so that two instances never share one. */
const nameOf = (key: KeyObject): string => {
  const digest = createHash('sha256')
    .update(rawPublicKey(createPublicKey(key)))
    .digest('hex');
  return `crucible/log/${digest.slice(0, 16)}`;
};

/**
 * The key that signs checkpoints, made at the first start and kept with mode 0600. Beside it lies the verifier key in
 * C2SP's form, to be given to whoever wants to check the log.
 * @throws SigningKeyUnusable
 */
export const openSigningKey = (secretsDirectory: string): NoteSigner => {
  mkdirSync(secretsDirectory, { recursive: true, mode: 0o700 });
  const keyPath = join(secretsDirectory, KEY_FILE);
  if (readIfThere(keyPath) === undefined) {
    const { privateKey } = generateKeyPairSync('ed25519');
    createOnce(keyPath, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, 0o600);
  }
  const privateKey = readKey(keyPath);
  const signer: NoteSigner = { name: nameOf(privateKey), privateKey };
  const verifierPath = join(secretsDirectory, VERIFIER_FILE);
  const vkey = verifierKey(verifierOf(signer));
  createOnce(verifierPath, `${vkey}\n`, 0o644);
  if (readIfThere(verifierPath)?.trim() !== vkey)
    throw new SigningKeyUnusable(
      `${verifierPath} does not belong to ${keyPath}: one of the two was replaced; bring back the right one`,
    );
  return signer;
};
