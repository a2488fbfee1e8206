import { createHash, createPublicKey, verify } from 'node:crypto';

/**
 * A second reading of the formats, after their specifications and with nothing of ours: RFC 9162 section 2.1.3.2, C2SP
 * tlog-proof, signed-note and tlog-checkpoint.
 */

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  parts.forEach((part) => hash.update(part));
  return hash.digest();
};

const rootFrom = (leaf: Buffer, index: bigint, size: bigint, path: readonly Buffer[]): Buffer | undefined => {
  let [fn, sn, root] = [index, size - 1n, leaf];
  for (const hash of path) {
    if (sn === 0n) return undefined;
    if ((fn & 1n) === 1n || fn === sn) {
      root = sha256(Uint8Array.of(1), hash, root);
      while ((fn & 1n) === 0n && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else {
      root = sha256(Uint8Array.of(1), root, hash);
    }
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  return sn === 0n ? root : undefined;
};

/** Whether Ed25519 signed the note's text, by the last 64 bytes of the line of that name. */
const isSigned = (note: string, name: string, key: Buffer): boolean => {
  const split = note.indexOf('\n\n');
  const line = note
    .slice(split + 2)
    .split('\n')
    .find((each) => each.startsWith(`\u2014 ${name} `));
  const signature = Buffer.from(line?.split(' ')[2] ?? '', 'base64').subarray(4);
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key]);
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  return verify(null, Buffer.from(note.slice(0, split + 1)), publicKey, signature);
};

/** Position (from 1) at which an entry stands in the log whose key this is; undefined when it does not. */
export const provenPosition = (proof: string, entry: Uint8Array, verifierKey: string): number | undefined => {
  const [name = '', , base64 = ''] = verifierKey.trim().split('+', 3);
  const rest = verifierKey.trim().slice(name.length + 1 + 8 + 1);
  const key = Buffer.from(rest === '' ? base64 : rest, 'base64').subarray(1);
  const split = proof.indexOf('\n\n');
  const [header, ...lines] = proof.slice(0, split).split('\n');
  const note = proof.slice(split + 2);
  const [origin, size = '', root] = note.split('\n');
  const index = /^index (\d+)$/.exec(lines.shift() ?? '')?.[1];
  if (header !== 'c2sp.org/tlog-proof@v1' || index === undefined || origin !== name) return undefined;
  const path = lines.map((line) => Buffer.from(line, 'base64'));
  const found = rootFrom(sha256(Uint8Array.of(0), entry), BigInt(index), BigInt(size), path);
  return found?.toString('base64') === root && isSigned(note, name, key) ? Number(index) + 1 : undefined;
};
