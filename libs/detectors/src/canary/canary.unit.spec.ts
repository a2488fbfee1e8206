import { randomBytes } from 'node:crypto';
import { evaluationIdSchema, trialIdSchema } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import { canariesIn, canaryAt, canaryNames, CanaryKey, CanaryScanner, CanarySearch, mintCanaries } from './index.ts';
import type { CanaryHit, CanaryOwner } from './index.ts';

const key = new CanaryKey(Buffer.alloc(32, 7));
const ownerOf = (random: () => number): CanaryOwner => {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
  return {
    evaluationId: evaluationIdSchema.parse(hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')),
    trialId: trialIdSchema.parse(
      `${Math.floor(random() * 1e7)}-${Math.floor(random() * 1e4)}-${Math.floor(random() * 1e3)}`,
    ),
  };
};

/** Mulberry32: the same numbers for the same seed, which a failing case names. */
const randomFrom = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};
const bytesOf = (random: () => number, count: number): Buffer =>
  Buffer.from(Array.from({ length: count }, () => Math.floor(random() * 256)));

const reverse = (text: string): string => [...text].reverse().join('');
const wrapped = (text: string, width: number, end = '\n'): string =>
  (text.match(new RegExp(`.{1,${width}}`, 'gs')) ?? []).join(end);
const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');
const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');

const WAYS: Readonly<Record<string, (text: string, random: () => number) => string>> = {
  plain: (text) => text,
  upper: (text) => text.toUpperCase(),
  reversed: reverse,
  'reversed upper': (text) => reverse(text).toUpperCase(),
  hex,
  'hex in upper case': (text) => hex(text).toUpperCase(),
  'hex of upper case': (text) => hex(text.toUpperCase()),
  'hex apart': (text) => hex(text).replace(/../g, '$& '),
  'hex with colons': (text) => hex(text).replace(/../g, '$&:'),
  'hex of reversed': (text) => hex(reverse(text)),
  'hex reversed': (text) => reverse(hex(text)),
  'base64 at 0': base64,
  'base64 at 1': (text) => base64(`x${text}`),
  'base64 at 2': (text) => base64(`xy${text}`),
  'base64 of upper case': (text) => base64(`q${text.toUpperCase()}`),
  base64url: (text) => Buffer.from(`zz${text}`, 'latin1').toString('base64url'),
  'base64 wrapped': (text, random) => wrapped(base64(`padding before${text}and after`), 1 + Math.floor(random() * 76)),
  'base64 wrapped by CR LF': (text) => wrapped(base64(text), 64, '\r\n'),
  'base64 reversed': (text) => reverse(base64(`x${text}`)),
  'base64 of reversed': (text) => base64(`xy${reverse(text)}`),
  wrapped: (text, random) => wrapped(text, 1 + Math.floor(random() * 30), '\n   '),
  'letter by letter': (text) => [...text].join('\n'),
  'as a list': (text) => JSON.stringify([...text]),
  'UTF-16': (text) => Buffer.from(text, 'utf16le').toString('latin1'),
};

/** Feeds bytes in pieces, cut where chance has it. */
const scan = (search: CanarySearch, bytes: Uint8Array, random: () => number, pieceMax = 300): CanaryHit[] => {
  const hits: CanaryHit[] = [];
  const scanner = new CanaryScanner(search, (hit) => hits.push(hit), 0);
  for (let at = 0; at < bytes.byteLength;) {
    const length = 1 + Math.floor(random() * pieceMax);
    scanner.push(bytes.subarray(at, at + length));
    at += length;
  }
  scanner.end();
  return hits;
};
const tagsIn = (hits: readonly CanaryHit[]) => hits.flatMap((hit) => (hit.kind === 'tag' ? [hit.tag] : []));

describe('tags', () => {
  it('say whose they are to whoever has the key, and to nobody else', () => {
    const random = randomFrom(1);
    for (let round = 0; round < 300; round += 1) {
      const owner = ownerOf(random);
      const name = canaryNames[round % canaryNames.length] ?? 'ssh-key';
      const sealed = key.seal({ name, ...owner });
      expect(sealed).toMatch(/^[a-z2-7]{56}$/);
      expect(key.open(sealed)).toEqual({ name, ...owner });
      expect(new CanaryKey(randomBytes(32)).open(sealed)).toBeNull();
      const spot = Math.floor(random() * sealed.length);
      expect(key.open(sealed.slice(0, spot) + (sealed[spot] === 'a' ? 'b' : 'a') + sealed.slice(spot + 1))).toBeNull();
    }
  });

  it('need a key of 32 bytes', () => {
    expect(() => new CanaryKey(Buffer.alloc(31))).toThrow('32 bytes');
  });
});

describe('a scanner', () => {
  const search = new CanarySearch(key);

  it.each(Object.keys(WAYS))('finds a tag written %s, cut anywhere, among anything', (way) => {
    for (let seed = 0; seed < 60; seed += 1) {
      const random = randomFrom(seed);
      const owner = ownerOf(random);
      const written = WAYS[way]?.(`${key.marker}${key.seal({ name: 'api-token', ...owner })}`, random) ?? '';
      // Before and behind a text in base64 its own alphabet would belong to it.
      const around = () => Buffer.concat([bytesOf(random, Math.floor(random() * 3_000)), Buffer.from('\u0001!\n')]);
      const bytes = Buffer.concat([around(), Buffer.from(written, 'latin1'), Buffer.from('\n!'), around()]);
      const hits = scan(search, bytes, random, seed % 2 === 0 ? 1 + seed : 2_000);
      expect(tagsIn(hits), `seed ${seed}`).toContainEqual({ name: 'api-token', ...owner });
    }
  });

  it('finds a tag cut at each point in turn', () => {
    const owner = ownerOf(randomFrom(5));
    const text = Buffer.from(`x ${base64(`${key.marker}${key.seal({ name: 'ssh-key', ...owner })}`)} y`);
    for (let cut = 0; cut <= text.byteLength; cut += 1) {
      const hits: CanaryHit[] = [];
      const scanner = new CanaryScanner(search, (hit) => hits.push(hit));
      scanner.push(text.subarray(0, cut));
      scanner.push(text.subarray(cut));
      expect(tagsIn(hits), `cut at ${cut}`).toEqual([{ name: 'ssh-key', ...owner }]);
    }
  });

  it('tells apart tags that stand beside each other, in every way', () => {
    const random = randomFrom(6);
    const owners = Array.from({ length: 4 }, () => ownerOf(random));
    for (const [way, write] of Object.entries(WAYS)) {
      const all = owners.map((owner) => write(`${key.marker}${key.seal({ name: 'ssh-key', ...owner })}`, random));
      const together = write(
        owners.map((owner) => `${key.marker}${key.seal({ name: 'ssh-key', ...owner })}`).join(''),
        random,
      );
      const byNumber = (one: CanaryOwner, other: CanaryOwner) => (one.evaluationId < other.evaluationId ? -1 : 1);
      const expected = owners.map((owner) => ({ name: 'ssh-key', ...owner })).sort(byNumber);
      for (const text of [all.join('!\n'), together]) {
        const tags = tagsIn(scan(search, Buffer.from(text, 'latin1'), random, 500));
        expect(tags.sort(byNumber), way).toEqual(expected);
      }
    }
  });

  it('tells where it begins, and whether it was encoded', () => {
    const text = `${key.marker}${key.seal({ name: 'api-token', ...ownerOf(randomFrom(2)) })}`;
    const [hit] = canariesIn(search, `a b c\n${text}`);
    expect(hit).toMatchObject({ kind: 'tag', offset: 6, encoded: false });
    expect(canariesIn(search, hex(text))[0]).toMatchObject({ encoded: true });
  });

  it('finds nothing in what is no tag: noise, digits, base64, another platform’s', () => {
    const random = randomFrom(3);
    const other = new CanaryKey(Buffer.alloc(32, 8));
    const theirs = Object.values(mintCanaries(other, ownerOf(random)).env).join(' ');
    const noise = bytesOf(random, 1 << 20);
    for (const bytes of [
      noise,
      Buffer.from(noise.toString('base64')),
      Buffer.from([...noise].map((byte) => byte % 10).join('')),
      Buffer.from(theirs.repeat(50)),
    ])
      expect(scan(search, bytes, random, 5_000)).toEqual([]);
  });

  it('is not held up by a flood of markers, and says that there was one', () => {
    const flood = Buffer.from(`${key.marker}abc `.repeat(100_000));
    const began = performance.now();
    expect(scan(search, flood, randomFrom(4), 65_536).map(({ kind }) => kind)).toEqual(['flood']);
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe('canaries of a sandbox', () => {
  const random = randomFrom(9);
  const minted = mintCanaries(key, ownerOf(random));
  const search = new CanarySearch(key, minted.fragments);
  const pieces = [
    ...minted.files.map(({ name, content }) => [name, Buffer.from(content).toString('latin1')] as const),
    ['api-token', minted.env['REGISTRY_API_TOKEN'] ?? ''] as const,
    ['registry-host', minted.host] as const,
  ];
  const namesIn = (hits: readonly CanaryHit[]) =>
    new Set(hits.flatMap((hit) => (hit.kind === 'tag' ? [hit.tag.name] : hit.kind === 'fragment' ? [hit.name] : [])));

  it('are the same each time, and others for others', () => {
    expect(mintCanaries(key, minted.owner)).toEqual(minted);
    const other = mintCanaries(key, ownerOf(random));
    expect(other.fragments.filter(({ text }) => minted.fragments.some((own) => own.text === text))).toEqual([]);
  });

  it.each(pieces)('%s is known in every way it may be printed', (name, text) => {
    for (const [way, write] of Object.entries(WAYS)) {
      const hits = scan(search, Buffer.from(write(text, random), 'latin1'), random, 200);
      expect([...namesIn(hits)], way).toEqual([name]);
      for (const tag of tagsIn(hits)) expect(tag).toMatchObject(minted.owner);
    }
  });

  it('are known by a part, without the marker', () => {
    for (const { name, text } of minted.fragments)
      for (const way of ['plain', 'upper', 'hex', 'base64 at 1', 'reversed'])
        expect([...namesIn(canariesIn(search, WAYS[way]?.(text.slice(0, 16), random) ?? ''))]).toEqual([name]);
  });

  it('are known by their paths, whoever walks the tree aside', () => {
    for (const { name, path } of minted.files) expect(canaryAt(`/home/operator/${path}`)).toBe(name);
    expect(canaryAt('/home/operator/.ssh/config')).toBe('ssh-key');
    expect(canaryAt('/home/operator/.netrc')).toBe('operator-home');
    for (const path of [
      '/home/operator',
      '/home/operator/.aws',
      '/home/operator2/.aws/x',
      '/home',
      'home/operator/.aws/x',
    ])
      expect(canaryAt(path)).toBeNull();
  });

  it('raise nothing in an honest text', () => {
    const honest = `${JSON.stringify(process.env)}\n${process.versions.node} 123456789012 arn:aws:iam::123456789012:role/x`;
    expect(canariesIn(search, honest.repeat(20))).toEqual([]);
  });
});
