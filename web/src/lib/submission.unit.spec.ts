import { submitRequestSchema } from '@crucible/api';
import { describe, expect, it } from 'vitest';
import { byField, pointerOf } from './problem.ts';
import { IdempotencyKeys, emptyDraft, fieldPointers, findErrors, requestOf } from './submission.ts';
import type { FormField } from './submission.ts';

const draft = { ...emptyDraft, source: 'print(1)\n' };

describe('requestOf', () => {
  it('makes a suite of one sample that the contract accepts', () => {
    for (const judgement of ['exit-code', 'exact', 'includes'] as const) {
      const request = requestOf({ ...draft, title: 'Über Größe!', judgement, expectedOutput: '1', stdin: 'in' });
      expect(submitRequestSchema.safeParse(request).error?.issues).toBeUndefined();
      expect(request.suite).toMatchObject({ metadata: { name: 'uber-gro-e', title: 'Über Größe!' } });
    }
    expect(requestOf({ ...draft, title: '…' }).suite).toMatchObject({ metadata: { name: 'program' } });
  });
});

describe('findErrors', () => {
  it('finds nothing wrong with what the platform would accept', () => {
    expect(findErrors(draft)).toEqual([]);
  });

  it('names the field of every mistake at once', () => {
    const wrong = {
      ...draft,
      source: ' ',
      memoryMiB: 1e6,
      pids: null,
      wallTimeSeconds: 0,
      exitCode: 256,
      title: 'a\u202eb',
    };
    const { fields, rest } = byField<FormField>(findErrors(wrong), fieldPointers);
    expect(rest).toEqual([]);
    expect(Object.keys(fields).sort()).toEqual(['exitCode', 'memoryMiB', 'pids', 'source', 'title', 'wallTimeSeconds']);
    expect(findErrors({ ...draft, judgement: 'exact' }).map(({ pointer }) => pointer)).toEqual(
      fieldPointers.expectedOutput,
    );
  });
});

describe('byField', () => {
  it('reads pointers as fragments or plain and leaves over what no field owns', () => {
    const errors = [
      { pointer: '#/suite/sandbox/cpu', detail: 'too much' },
      { pointer: '/suite/sandbox/cpuX', detail: 'unknown' },
    ];
    expect(byField<FormField>(errors, fieldPointers)).toEqual({ fields: { cpuCores: 'too much' }, rest: [errors[1]] });
    expect(pointerOf(['files', 'a/b~c', 0])).toBe('/files/a~1b~0c/0');
  });
});

describe('IdempotencyKeys', () => {
  it('keeps one key to one request until it was accepted', () => {
    const keys = new IdempotencyKeys();
    const key = keys.keyFor('a');
    expect(key).toMatch(/^[0-9a-f]{32}$/);
    expect(keys.keyFor('a')).toBe(key);
    expect(keys.keyFor('b')).not.toBe(key);
    const again = keys.keyFor('a');
    keys.spend();
    expect(keys.keyFor('a')).not.toBe(again);
  });
});
