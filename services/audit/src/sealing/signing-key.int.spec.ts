import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseVerifierKey, verifierKey } from '@crucible/transparency';
import { verifierOf } from '@crucible/transparency/node';
import { openSigningKey, SigningKeyUnusable } from './signing-key.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'crucible-key-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});
const secrets = () => join(root, 'secrets');
const keyFile = () => join(secrets(), 'audit-signing-key.pem');
const verifierFile = () => join(secrets(), 'audit-verifier-key');

describe('the signing key', () => {
  it('is made once, for its owner only, with its verifier key beside it', () => {
    const made = openSigningKey(secrets());
    expect(statSync(keyFile()).mode & 0o777).toBe(0o600);
    expect(readdirSync(secrets()).toSorted()).toEqual(['audit-signing-key.pem', 'audit-verifier-key']);
    const vkey = readFileSync(verifierFile(), 'utf8').trim();
    expect(vkey).toBe(verifierKey(verifierOf(made)));
    expect(parseVerifierKey(vkey)?.name).toBe(made.name);
    const again = openSigningKey(secrets());
    expect(again.name).toBe(made.name);
    expect(again.privateKey.equals(made.privateKey)).toBe(true);
  });

  it('has a name of its own in every instance', () => {
    expect(openSigningKey(join(root, 'one')).name).not.toBe(openSigningKey(join(root, 'two')).name);
  });

  it('is refused when others can read it', () => {
    openSigningKey(secrets());
    chmodSync(keyFile(), 0o640);
    expect(() => openSigningKey(secrets())).toThrow(SigningKeyUnusable);
  });

  it('is refused when it or its verifier key was replaced', () => {
    openSigningKey(secrets());
    const { privateKey } = generateKeyPairSync('ed25519');
    writeFileSync(keyFile(), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    expect(() => openSigningKey(secrets())).toThrow('does not belong to');
  });

  it('is refused when it is of another kind or no key', () => {
    openSigningKey(secrets());
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(keyFile(), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    expect(() => openSigningKey(secrets())).toThrow('holds no Ed25519 key');
    writeFileSync(keyFile(), 'nothing');
    expect(() => openSigningKey(secrets())).toThrow();
  });
});
