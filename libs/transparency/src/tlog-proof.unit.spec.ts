import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from './bytes.ts';
import { hashLeaf } from './merkle.ts';
import { verifierOf } from './node.ts';
import { proveInclusion } from './proof.ts';
import { exampleEvents, leavesOf, newSigner, noteAt, sourceOf } from './testing/example-log.ts';
import { formatTlogProof, parseTlogProof, verifyTlogProof } from './tlog-proof.ts';

const signer = newSigner();
const events = exampleEvents();
const source = sourceOf(leavesOf(events));
const proofOf = async (index: number): Promise<string> =>
  formatTlogProof({ index, hashes: await proveInclusion(index, 12, source), checkpoint: noteAt(events, 12, signer) });
const bodyOf = (index: number): Uint8Array => events[index]?.body ?? new Uint8Array();

/** The example of the specification; its note is shortened there, so that it reads but does not verify. */
const published = [
  'c2sp.org/tlog-proof@v1',
  'extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ',
  'index 73894',
  'gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=',
  'B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=',
  'EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=',
  'RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=',
  'AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=',
  '',
  'example.com/fancylog',
  '109482',
  'sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=',
  '',
  '\u2014 example.com/fancylog hI2DJw[...]1roloI=',
  '',
].join('\n');

describe('a proof as text', () => {
  it('reads the published example and writes it again', () => {
    const proof = parseTlogProof(published);
    expect(proof).toMatchObject({
      index: 73_894,
      checkpoint: expect.stringMatching(/^example\.com\/fancylog\n109482\n/) as string,
    });
    expect(proof?.hashes.length).toBe(5);
    expect(proof === undefined ? '' : formatTlogProof(proof)).toBe(published);
  });

  it('is written as other implementations write it', () => {
    const [one, two] = [hashLeaf(utf8('1')), hashLeaf(utf8('2'))];
    const [a, b] = [one, two].map((hash) => Buffer.from(hash).toString('base64'));
    expect(formatTlogProof({ index: 5, hashes: [one, two], checkpoint: 'test checkpoint\n' })).toBe(
      `c2sp.org/tlog-proof@v1\nindex 5\n${a}\n${b}\n\ntest checkpoint\n`,
    );
    expect(formatTlogProof({ index: 0, hashes: [], checkpoint: 'c\n', extra: utf8('more') })).toBe(
      'c2sp.org/tlog-proof@v1\nextra bW9yZQ==\nindex 0\n\nc\n',
    );
  });

  it('holds for its entry and the key, and for nothing else', async () => {
    for (let index = 0; index < 12; index += 1) {
      const text = await proofOf(index);
      expect(verifyTlogProof(text, bodyOf(index), verifierOf(signer))).toMatchObject({
        ok: true,
        index,
        checkpoint: { size: 12 },
      });
      expect(verifyTlogProof(text, bodyOf((index + 1) % 12), verifierOf(signer))).toMatchObject({ ok: false });
      expect(verifyTlogProof(text, bodyOf(index), verifierOf(newSigner(signer.name)))).toMatchObject({
        ok: false,
        reason: expect.stringContaining('cannot be trusted') as string,
      });
    }
  });

  it('does not hold with any one character changed', async () => {
    const text = await proofOf(4);
    fc.assert(
      fc.property(fc.nat(text.length - 1), (at) => {
        const changed = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
        expect(verifyTlogProof(changed, bodyOf(4), verifierOf(signer)).ok).toBe(false);
      }),
    );
  });

  it('is refused when it is none, and nothing is thrown', async () => {
    const text = await proofOf(4);
    const wrongs = [
      '',
      text.replace('@v1', '@v2'),
      text.replace('index 4', 'index 04'),
      text.replace('index 4', 'index -4'),
      text.replace('index 4', 'index 99999999999999999'),
      text.replace('index 4', 'extra *\nindex 4'),
      text.replace('\n\n', `\n${'AAAA\n'.repeat(60)}\n`),
      'x'.repeat(500_000),
    ];
    for (const wrong of wrongs) expect(verifyTlogProof(wrong, bodyOf(4), verifierOf(signer)).ok).toBe(false);
    expect(verifyTlogProof(text.replace('index 4', 'index 12'), bodyOf(4), verifierOf(signer))).toMatchObject({
      ok: false,
      reason: expect.stringContaining('is not in') as string,
    });
    fc.assert(
      fc.property(
        fc.string(),
        (any) => void expect(verifyTlogProof(any, bodyOf(4), verifierOf(signer)).ok).toBe(false),
      ),
    );
  });
});
