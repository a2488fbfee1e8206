import { describe, expect, it } from 'vitest';
import { StreamParser } from './sse.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('StreamParser', () => {
  it('reads messages with their event, id and data of several lines', () => {
    const messages = new StreamParser().push(bytes('id: 7\nevent: event\ndata: {"a":\ndata: 1}\n\ndata: plain\n\n'));
    expect(messages).toEqual([
      { event: 'event', id: '7', data: '{"a":\n1}' },
      { event: 'message', id: '7', data: 'plain' },
    ]);
  });

  it('gives the same messages however the bytes are cut, even within a character', () => {
    const all = bytes('id: 1\nevent: chunk\ndata: "grün 🙂"\n\n: heartbeat\n\nid: 2\r\ndata: x\r\n\r\n');
    const whole = new StreamParser().push(all);
    for (let size = 1; size < all.length; size += 1) {
      const parser = new StreamParser();
      const messages = [];
      for (let at = 0; at < all.length; at += size) messages.push(...parser.push(all.subarray(at, at + size)));
      expect(messages).toEqual(whole);
    }
    expect(whole).toHaveLength(2);
  });

  it('drops comments, retry hints and messages without data', () => {
    expect(new StreamParser().push(bytes('retry: 1000\n\n: heartbeat\n\nevent: nothing\n\n'))).toEqual([]);
  });
});
