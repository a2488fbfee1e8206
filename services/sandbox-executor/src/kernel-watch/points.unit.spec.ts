import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { tracePoints } from './points.ts';

it('points.json is the list of points, written out', () => {
  expect(JSON.parse(readFileSync(new URL('points.json', import.meta.url), 'utf8'))).toEqual(tracePoints);
});

it('no point is named twice, and none reads or writes', () => {
  const names = tracePoints.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => /\/(read|write|p?readv?|p?writev?)(64|2)?\//.test(name))).toEqual([]);
});

it('lets a text of the guest ride only on messages whose loss is noticed', () => {
  const texts = tracePoints.filter(({ context_fields: fields }) =>
    fields.some((field) => ['cwd', 'process_name'].includes(field)),
  );
  for (const { name } of texts) expect(name).toMatch(/^syscall\/(open|openat|creat|execve|execveat)\//);
});
