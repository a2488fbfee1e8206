import { describe, expect, it } from 'vitest';
import { encodeProbe, encodeProgram, encodeSession, newNonce, specRefusal } from './header.ts';
import { SESSION } from './host-config.ts';
import type { SandboxSpec } from './port.ts';

const spec = (changes: Partial<SandboxSpec> = {}): SandboxSpec => ({
  evaluationId: 'e',
  trialId: '0-1-1',
  image: 'i',
  argv: ['python3', 'main.py'],
  stdin: null,
  files: [],
  env: {},
  limits: {
    cpuMillis: 1,
    memoryBytesMax: 1,
    pidsMax: 9,
    diskBytesMax: 100,
    wallTimeMsMax: 1,
    outputBytesMax: 1,
    tmpBytesMax: 1,
    filesOpenMax: 7,
    fileBytesMax: 8,
  },
  ...changes,
});

const file = (path: string, bytes = 1) => ({ path, content: new Uint8Array(bytes) });

/** Reads what init.py would read. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  number(): number {
    this.#at += 8;
    return Number(this.#bytes.readBigUInt64BE(this.#at - 8));
  }
  bytes(): Buffer {
    const size = this.number();
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }
  blob(): string {
    return this.bytes().toString();
  }
  blobs(): string[] {
    return Array.from({ length: this.number() }, () => this.blob());
  }
  get done(): boolean {
    return this.#at === this.#bytes.length;
  }
}

describe('what init is told', () => {
  const nonce = 'a'.repeat(32);

  it('is written in its order', () => {
    const stdin = Buffer.from('in\0put');
    const files = [{ path: 'dir/\u00e9.txt', content: Buffer.from([65, 10]) }];
    const canaries = {
      files: [{ path: '.ssh/id', content: Buffer.from('key'), mode: 0o400 }],
      env: { TOKEN: 't', X: 'laid' },
    };
    const reader = new Reader(encodeProgram(spec({ stdin, files, canaries, env: { LANG: 'C', X: 'a=b' } }), nonce));
    expect(reader.blob()).toBe(nonce);
    const launch = new Reader(reader.bytes());
    expect(launch.blobs()).toEqual(['python3', 'main.py']);
    expect(launch.blobs()).toEqual([
      'PATH=/usr/local/bin:/usr/bin:/bin',
      'HOME=/work',
      'LANG=C',
      'TMPDIR=/tmp',
      'TOKEN=t',
      'X=a=b',
    ]);
    expect(launch.blob()).toBe('/work');
    expect(Array.from({ length: 6 }, () => launch.number())).toEqual([10, 7, 8, 0, 1, 0]);
    expect(launch.done).toBe(true);
    expect(Array.from({ length: 3 }, () => reader.number())).toEqual([9, 8, 10_001]);
    expect(reader.blob()).toBe('in\0put');
    expect([reader.number(), reader.blob(), reader.number(), reader.blob()]).toEqual([
      1,
      'dir/\u00e9.txt',
      0o644,
      'A\n',
    ]);
    expect([reader.number(), reader.blob(), reader.number(), reader.blob()]).toEqual([1, '.ssh/id', 0o400, 'key']);
    expect(reader.done).toBe(true);
  });

  it('is a session where there is no program, and its text comes last', () => {
    const files = [{ path: 'a', content: Buffer.from('x') }];
    const reader = new Reader(encodeSession(spec({ files }), nonce));
    expect([reader.blob(), reader.blob()]).toEqual([nonce, '']);
    expect(Array.from({ length: 3 }, () => reader.number())).toEqual([9, 8, 10_001]);
    expect(reader.blob()).toBe('');
    expect([reader.number(), reader.blob(), reader.number(), reader.blob()]).toEqual([1, 'a', 0o644, 'x']);
    expect(reader.number()).toBe(0);
    for (const part of ['class Session:', 'class Lineage:', 'class Files:', 'class Forward:']) {
      expect(SESSION).toContain(part);
    }
    expect(reader.blob()).toBe(SESSION);
    expect(reader.done).toBe(true);
  });

  it('tells no standard input from an empty one', () => {
    const [none, empty] = [null, new Uint8Array()].map((stdin) => encodeProgram(spec({ stdin }), nonce));
    expect(none?.length).toBe(empty?.length);
    expect(none).not.toEqual(empty);
  });

  it('begins with a probe, whose nonce is never used again', () => {
    expect(new Reader(encodeProbe(nonce)).blob()).toBe(nonce);
    expect(newNonce()).toMatch(/^[0-9a-f]{32}$/);
    expect(newNonce()).not.toBe(newNonce());
  });
});

describe('specRefusal', () => {
  it('takes an ordinary spec', () => {
    expect(specRefusal(spec({ files: [file('a'), file('b/c.py'), file('..hidden'), file('d..e')] }))).toBeNull();
  });

  it.each(['/etc/passwd', '../x', 'a/../../x', 'a//b', './a', 'a/.', '', 'a\0b', 'x'.repeat(2_000)])(
    'refuses the path %j',
    (path) => {
      expect(specRefusal(spec({ files: [file(path)] }))).toMatch(/^file /);
    },
  );

  it.each([
    [{ argv: [] }, /argv must name/],
    [{ argv: ['a\0b'] }, /zero byte/],
    [{ env: { 'A=B': 'x' } }, /name "A=B" is not valid/],
    [{ env: { A: 'x\0' } }, /A must not hold/],
    [{ files: [file('a'), file('a')] }, /given twice/],
    [{ files: [file('a', 60), file('b', 60)] }, /files take 120 bytes/],
    [{ stdin: new Uint8Array(101) }, /standard input is larger/],
    [{ canaries: { files: [], env: { 'A B': 'x' } } }, /name "A B" is not valid/],
    [{ canaries: { files: [{ ...file('../x'), mode: 0o400 }], env: {} } }, /stay in its folder/],
    [{ canaries: { files: [{ ...file('x', 2 ** 20), mode: 0o400 }], env: {} } }, /disk limit/],
  ] as const)('refuses %j', (changes, why) => {
    expect(specRefusal(spec(changes as Partial<SandboxSpec>))).toMatch(why);
  });
});
