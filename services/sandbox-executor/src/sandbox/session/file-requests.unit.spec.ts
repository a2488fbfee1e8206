import { describe, expect, it } from 'vitest';
import { number } from '../header.ts';
import { Requests } from './file-requests.ts';
import { FrameForged } from './frames.ts';

const sent: Buffer[] = [];
const requests = (): Requests => {
  sent.length = 0;
  return new Requests((frame) => void sent.push(frame), 1_000_000);
};
const kinds = (): string => sent.map((frame) => frame.toString('latin1', 0, 1)).join('');
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('requests about files', () => {
  it('are told in pieces and answered', async () => {
    const asked = requests();
    const written = asked.write(1, '/work/a', Buffer.alloc(100_000), 0o644);
    expect(kinds()).toBe('wdde');
    asked.hear(1, 'a', bytes(''));
    expect(await written).toEqual({ kind: 'written' });
    const read = asked.read(2, './a', 5);
    asked.hear(2, 'm', bytes('abc'));
    asked.hear(2, 'm', bytes('de'));
    asked.hear(2, 'a', bytes('100000'));
    expect(await read).toEqual({ kind: 'read', content: bytes('abcde'), sizeBytes: 100_000 });
  });

  it.each(['', '/etc/passwd', '..', 'a/../b', 'a//b', 'a/', 'a\0b', '/work/', '/workx', 'a/./b'])(
    'are refused for the path %j',
    async (path) => {
      const asked = requests();
      expect(await asked.read(1, path, 5)).toMatchObject({ kind: 'refused' });
      expect(await asked.write(2, path, bytes(''), 0o644)).toMatchObject({ kind: 'refused' });
      expect(sent).toEqual([]);
    },
  );

  it('are refused beyond their bounds', async () => {
    const asked = requests();
    for (const end of [
      asked.read(1, 'a', 0.5),
      asked.read(1, 'a', -1),
      asked.write(1, 'a', Buffer.alloc(1_000_001), 0o644),
      asked.write(1, 'a', bytes(''), 0o4755),
      asked.snapshot(1, { bytesMax: NaN, still: false }),
    ]) {
      expect(await end).toMatchObject({ kind: 'refused' });
    }
    const waiting = Array.from({ length: 16 }, (_, id) => asked.read(id, 'a', 1));
    expect(await asked.read(17, 'a', 1)).toMatchObject({ kind: 'refused' });
    asked.gone();
    for (const end of await Promise.all(waiting)) expect(end).toEqual({ kind: 'sandbox-gone' });
  });

  it('ask for no more than the disk holds', () => {
    const asked = requests();
    void asked.read(1, 'a', 5_000_000);
    void asked.snapshot(2, { bytesMax: 5_000_000, still: false });
    const bounds = sent.map((frame) => frame.includes(number(1_000_000)) && !frame.includes(number(5_000_000)));
    expect(bounds).toEqual([true, true]);
  });

  it('take no answer that init would not give', async () => {
    const asked = requests();
    const read = asked.read(1, 'a', 3);
    expect(() => asked.hear(2, 'a', bytes('1'))).toThrow(FrameForged);
    expect(() => asked.hear(1, 'm', bytes('abcd'))).toThrow(FrameForged);
    expect(() => asked.hear(1, 'a', bytes('x'))).toThrow(FrameForged);
    expect(() => asked.hear(1, 'h', bytes('f 1 a'))).toThrow(FrameForged);
    void asked.snapshot(3, { bytesMax: 3, still: false });
    expect(() => asked.hear(3, 'm', bytes('x'))).toThrow(FrameForged);
    expect(asked.refused(1, 'why')).toBe(true);
    expect(await read).toEqual({ kind: 'refused', why: 'why' });
  });

  it('give a snapshot that is safe to be made elsewhere', async () => {
    const asked = requests();
    const taken = asked.snapshot(1, { bytesMax: 100, still: true });
    const say = (kind: 'h' | 'm', payload: Buffer): void => asked.hear(1, kind, payload);
    say('h', bytes('f 420 b'));
    say('m', bytes('one'));
    say('m', bytes('two'));
    say('h', bytes('f 493 a/b'));
    say('h', bytes('l 511 link'));
    for (const path of ['../x', '/x', 'a\0b', 'a/../../b', '']) say('h', bytes(`f 420 ${path}`));
    say('h', Buffer.from([...bytes('f 420 '), 0xff]));
    asked.hear(1, 'a', bytes('1'));
    expect(await taken).toEqual({
      kind: 'taken',
      complete: true,
      files: [
        { path: 'a/b', mode: 0o755, content: bytes('') },
        { path: 'b', mode: 0o644, content: bytes('onetwo') },
      ],
      leftOut: [
        { path: 'link', why: 'link' },
        ...['../x', '/x', 'a\0b', 'a/../../b', '', '\ufffd'].map((path) => ({ path, why: 'name' })),
      ],
    });
  });
});
