import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCheckpoint, parseCheckpoint } from './checkpoint.ts';
import { emptyRoot } from './merkle.ts';
import { openNote, parseVerifierKey, verifierKey } from './signed-note.ts';
import { signNote, verifierOf } from './node.ts';

const signer = { name: 'example.com/log', privateKey: generateKeyPairSync('ed25519').privateKey };
const verifier = verifierOf(signer);
const text = 'example.com/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n';

/** Key and note of the Go implementation's documentation, which C2SP's format was written down from. */
const publishedKey = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const publishedNote =
  'If you think cryptography is the answer to your problem,\n' +
  "then you don't know what your problem is.\n\n" +
  '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';

const theVerifier = (key: string) => {
  const parsed = parseVerifierKey(key);
  if (parsed === undefined) throw new Error('the key was refused');
  return parsed;
};

describe('signed notes', () => {
  it('opens the published note with the published key', () => {
    const opened = openNote(publishedNote, theVerifier(publishedKey));
    expect(opened).toEqual({ ok: true, text: publishedNote.slice(0, publishedNote.indexOf('\n\n') + 1) });
  });

  it('writes a verifier key that reads back as the same', () => {
    expect(verifierKey(theVerifier(publishedKey))).toBe(publishedKey);
    expect(verifierKey(theVerifier(verifierKey(verifier)))).toBe(verifierKey(verifier));
    expect(verifier.publicKey.length).toBe(32);
  });

  it.each([
    ['a hash of another name', publishedKey.replace('PeterNeumann', 'Peter')],
    ['a hash of another key', publishedKey.replace('+c74f20a3+', '+c74f20a4+')],
    ['another algorithm', publishedKey.replace('+ARpc', '+Axpc')],
    ['no key', 'PeterNeumann+c74f20a3+AQ=='],
    ['nothing', ''],
  ])('refuses a verifier key with %s', (_, key) => {
    expect(parseVerifierKey(key)).toBeUndefined();
  });

  it('opens what it signed', () => {
    expect(openNote(signNote(text, signer), verifier)).toEqual({ ok: true, text });
  });

  it('finds its own signature among those of witnesses', () => {
    const witness = { name: 'witness', privateKey: generateKeyPairSync('ed25519').privateKey };
    const witnessed = signNote(text, witness) + signNote(text, signer).split('\n\n')[1];
    expect(openNote(witnessed, verifier)).toEqual({ ok: true, text });
  });

  it('refuses a note of another key, even under the same name', () => {
    const other = { name: signer.name, privateKey: generateKeyPairSync('ed25519').privateKey };
    expect(openNote(signNote(text, other), verifier)).toMatchObject({ ok: false });
  });

  it('refuses a note with any one character changed', () => {
    const note = signNote(text, signer);
    fc.assert(
      fc.property(fc.nat(note.length - 1), (at) => {
        const forged = `${note.slice(0, at)}${note[at] === 'A' ? 'B' : 'A'}${note.slice(at + 1)}`;
        expect(openNote(forged, verifier).ok).toBe(false);
      }),
    );
  });

  it('refuses whatever else', () => {
    fc.assert(fc.property(fc.string(), (anything) => void expect(openNote(anything, verifier).ok).toBe(false)));
    expect(openNote('x'.repeat(100_000), verifier)).toMatchObject({ ok: false });
  });

  it('does not sign a text that a note cannot hold', () => {
    expect(() => signNote('no newline', signer)).toThrow(RangeError);
    expect(() => signNote(text, { ...signer, name: 'a b' })).toThrow(RangeError);
    expect(() => signNote(text, { ...signer, name: 'a+b' })).toThrow(RangeError);
  });
});

describe('checkpoints', () => {
  it('are origin, size and root, a line each', () => {
    expect(formatCheckpoint({ origin: 'example.com/log', size: 0, root: emptyRoot() })).toBe(text);
  });

  it('read back as written', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.uint8Array({ minLength: 32, maxLength: 32 }), (size, root) => {
        const read = parseCheckpoint(formatCheckpoint({ origin: 'log', size, root }));
        expect(read).toEqual({ origin: 'log', size, root: Buffer.from(root) });
      }),
    );
  });

  it.each([
    ['a leading zero', text.replace('\n0\n', '\n01\n')],
    ['a sign', text.replace('\n0\n', '\n+1\n')],
    ['a size beyond safe integers', text.replace('\n0\n', '\n9999999999999999\n')],
    ['a short root', text.replace('47DEQpj8', '')],
    ['an unpadded root', text.replace('=\n', '\n')],
    ['no origin', text.replace('example.com/log', '')],
    ['nothing', ''],
  ])('are refused with %s', (_, wrong) => {
    expect(parseCheckpoint(wrong)).toBeUndefined();
  });

  it('may carry extension lines', () => {
    expect(parseCheckpoint(`${text}extension\n`)).toMatchObject({ size: 0 });
  });
});
