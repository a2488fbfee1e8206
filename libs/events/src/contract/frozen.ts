import { eventTypes } from '../catalogue.ts';
import { dataShape, envelopeParts } from './json-schema.ts';
import type { JsonSchema } from './json-schema.ts';

/** Shapes by name: the data of each event by its type, and the parts of the envelope. */
export type Shapes = Readonly<Record<string, JsonSchema>>;

/** The shapes the code has now. */
export const currentShapes = (): Shapes => ({
  ...envelopeParts(),
  ...Object.fromEntries(eventTypes.map((type) => [type, dataShape(type)])),
});

export interface FrozenComplaint {
  readonly name: string;
  readonly fault: 'changed' | 'gone' | 'not-frozen';
  readonly message: string;
}

const ordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, ordered(each)]));
};
const same = (a: unknown, b: unknown): boolean => JSON.stringify(ordered(a)) === JSON.stringify(ordered(b));

const remedy = (name: string): string => {
  const [, stem, version] = /^(.+\.v)(\d+)$/.exec(name) ?? [];
  const next = stem === undefined ? 'a new version' : `${stem}${Number(version) + 1}`;
  return `a published shape is never edited: put it back, add ${next} and upcast (libs/events/src/upcast.ts)`;
};

const stays = 'what is published stays: events of it are in the log, so put it back';

/** What the shapes of now do to those that were published: nothing, when the list is empty. */
export const judgeShapes = (frozen: Shapes, current: Shapes): FrozenComplaint[] => {
  const complaints: FrozenComplaint[] = [];
  for (const [name, shape] of Object.entries(frozen)) {
    const now = Object.hasOwn(current, name) ? current[name] : undefined;
    if (now === undefined) complaints.push({ name, fault: 'gone', message: `${name} is gone; ${stays}` });
    else if (!same(now, shape))
      complaints.push({ name, fault: 'changed', message: `${name} has changed; ${remedy(name)}` });
  }
  for (const name of Object.keys(current)) {
    if (Object.hasOwn(frozen, name)) continue;
    const message = `${name} is not frozen yet; publish it with: npm run generate -- --freeze`;
    complaints.push({ name, fault: 'not-frozen', message });
  }
  return complaints;
};
