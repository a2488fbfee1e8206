import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { currentShapes, judgeShapes } from './frozen.ts';
import type { JsonSchema } from './json-schema.ts';

const folder = new URL('../../frozen/', import.meta.url);
const frozen = Object.fromEntries(
  readdirSync(folder).map((name): [string, JsonSchema] => [
    name.replace(/\.json$/, ''),
    JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as JsonSchema,
  ]),
);

describe('published shapes', () => {
  it('are what they were when they were published, and every shape is', () => {
    expect(judgeShapes(frozen, currentShapes()).map(({ message }) => message)).toEqual([]);
  });

  it.each(Object.keys(currentShapes()))('%s stands word for word', (name) => {
    expect(currentShapes()[name]).toEqual(frozen[name]);
  });
});

describe('judging shapes', () => {
  const shape = { type: 'object', properties: { a: { type: 'string', maxLength: 3 } } };

  it('tells a changed one, and what to do instead', () => {
    const [complaint, ...others] = judgeShapes(
      { 'x.y.v2': shape },
      { 'x.y.v2': { ...shape, properties: { a: { type: 'string', maxLength: 4 } } } },
    );
    expect(others).toEqual([]);
    expect(complaint).toMatchObject({ name: 'x.y.v2', fault: 'changed' });
    expect(complaint?.message).toContain('a published shape is never edited');
    expect(complaint?.message).toContain('x.y.v3');
  });

  it('tells one that is gone, and a new one that was not published', () => {
    expect(judgeShapes({ 'x.y.v1': shape }, { 'x.y.v2': shape })).toMatchObject([
      { name: 'x.y.v1', fault: 'gone' },
      { name: 'x.y.v2', fault: 'not-frozen' },
    ]);
  });

  it('does not mind the order of keys', () => {
    const other = { properties: { a: { maxLength: 3, type: 'string' } }, type: 'object' };
    expect(judgeShapes({ 'x.y.v1': shape }, { 'x.y.v1': other })).toEqual([]);
  });
});
