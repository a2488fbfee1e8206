import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crypto as node, rawPublicKey } from './node.ts';
import { crypto as web } from './web.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const key = rawPublicKey(publicKey);

describe.each([
  ['in Node', node],
  ['in a browser', web],
])('cryptography %s', (_, crypto) => {
  it('is that of the published vectors', () => {
    expect(hex(crypto.sha256(Buffer.from('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    // RFC 8032, section 7.1, test 2.
    const rfcKey = Buffer.from('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c', 'hex');
    const signature = Buffer.from(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
      'hex',
    );
    expect(crypto.verifyEd25519(rfcKey, Uint8Array.of(0x72), signature)).toBe(true);
    expect(crypto.verifyEd25519(rfcKey, Uint8Array.of(0x73), signature)).toBe(false);
  });

  it('hashes parts as their whole', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (parts) => {
        const stream = crypto.sha256Stream();
        for (const part of parts) stream.update(part);
        expect(hex(stream.digest())).toBe(hex(node.sha256(Buffer.concat(parts))));
        expect(hex(crypto.sha256(Buffer.concat(parts)))).toBe(hex(node.sha256(Buffer.concat(parts))));
      }),
    );
  });

  it('finds a signature good or not, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(63), (message, at) => {
        const signature = new Uint8Array(sign(null, message, privateKey));
        expect(crypto.verifyEd25519(key, message, signature)).toBe(true);
        expect(crypto.verifyEd25519(key, message, signature.with(at, (signature[at] ?? 0) ^ 1))).toBe(false);
      }),
      { numRuns: 20 },
    );
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), fc.uint8Array(), (any, message, signature) => {
        expect(crypto.verifyEd25519(any, message, signature)).toBe(false);
      }),
    );
    expect(crypto.verifyEd25519(new Uint8Array(32).fill(0xff), new Uint8Array(), new Uint8Array(64))).toBe(false);
  });

  it('writes and reads base64 as it is everywhere', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
        const text = crypto.encodeBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
        expect(hex(crypto.decodeBase64(text))).toBe(hex(bytes));
      }),
    );
  });
});

describe('what a browser imports', () => {
  const source = fileURLToPath(new URL('..', import.meta.url));
  const imports = (file: string): readonly string[] =>
    [...readFileSync(file, 'utf8').matchAll(/^(?:import|export) [^;]*?from '([^']+)';/gms)].flatMap(
      ([whole, from = '']) => (/^(?:import|export) type /.test(whole) ? [] : [from]),
    );

  /** Everything that the file imports, however far. */
  const reach = (file: string, seen = new Set<string>()): ReadonlySet<string> => {
    for (const from of imports(file)) {
      const next =
        from === '#crypto' ? join(source, 'crypto/web.ts') : from.startsWith('.') ? resolve(dirname(file), from) : from;
      if (seen.has(next)) continue;
      seen.add(next);
      if (next.endsWith('.ts')) reach(next, seen);
    }
    return seen;
  };

  it('is nothing of Node', () => {
    const reached = [...reach(join(source, 'index.ts'))];
    expect(reached.length).toBeGreaterThan(10);
    expect(reached.filter((name) => name.startsWith('node:'))).toEqual([]);
    expect(reached.some((name) => name.endsWith('crypto/web.ts'))).toBe(true);
    const files = reached.filter((name) => name.endsWith('.ts'));
    for (const file of files) expect(readFileSync(file, 'utf8')).not.toMatch(/\bBuffer\b/);
  });
});
