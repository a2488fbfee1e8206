import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { argumentsIn, laidOut, namedIn, problemOf, provenBy } from './arguments.ts';

const call = { id: 'c1', tool: 'bash', input: { command: 'ls\n-l', 2: 1 }, inputText: '{"command": "ls\\n-l", "2":1}' };
const record = {
  n: 3,
  at: 1,
  turn: 1,
  kind: 'message',
  by: 'subject',
  message: { role: 'assistant', content: '', reasoning: null, toolCalls: [call] },
};

describe('arguments that wait for approval', () => {
  it('are those of the call, in the spelling that is hashed', async () => {
    const text = argumentsIn(record, 'c1') ?? '';
    expect(text).toBe(JSON.stringify(call.input));
    const digest = createHash('sha256').update(text).digest('hex');
    expect([await provenBy(text, digest), await provenBy(`${text} `, digest)]).toEqual([true, false]);
    expect([argumentsIn(record, 'c2'), argumentsIn({ n: 1 }, 'c1')]).toEqual([null, null]);
  });

  it('are read without the escapes of JSON', () => {
    expect(namedIn('{"command":"ls\\n-l","n":[1]}')).toEqual([
      ['command', 'ls\n-l'],
      ['n', '[\n  1\n]'],
    ]);
    expect([namedIn('[1]'), namedIn('{}'), namedIn('no')]).toEqual([null, null, null]);
    expect([laidOut('{"a":1}'), laidOut('no')]).toEqual(['{\n  "a": 1\n}', 'no']);
  });

  it('of a person’s own have to be an object', () => {
    expect(problemOf('{"a":1}')).toBeNull();
    expect(problemOf('[1]')).toMatch(/must be a JSON object/);
    expect(problemOf('{"a":')).toMatch(/^must be JSON: /);
  });
});
