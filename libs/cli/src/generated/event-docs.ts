import { catalogue, eventTypes, examples } from '@crucible/events';
import type { EventType } from '@crucible/events';
import { z } from 'zod';

type Json = { readonly [key: string]: unknown };
const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const bounds: readonly (readonly [string, (value: unknown) => string])[] = [
  ['minimum', (value) => `at least ${String(value)}`],
  ['maximum', (value) => (value === Number.MAX_SAFE_INTEGER ? '' : `at most ${String(value)}`)],
  ['maxLength', (value) => `at most ${String(value)} characters`],
  ['maxItems', (value) => `at most ${String(value)} items`],
];

const typeOf = (schema: Json): string => {
  if (schema['const'] !== undefined) return `\`${String(schema['const'])}\``;
  if (Array.isArray(schema['enum'])) return schema['enum'].map((value) => `\`${String(value)}\``).join(' \\| ');
  if (Array.isArray(schema['anyOf'])) return schema['anyOf'].filter(isJson).map(typeOf).join(' or ');
  if (schema['type'] === 'array') return `list of ${isJson(schema['items']) ? typeOf(schema['items']) : 'anything'}`;
  const said = bounds.flatMap(([key, say]) => (schema[key] === undefined ? [] : [say(schema[key])])).filter(Boolean);
  return [String(schema['type'] ?? 'anything'), ...said].join(', ');
};

interface Field {
  readonly name: string;
  readonly type: string;
}

const optionsOf = (schema: Json, key: 'oneOf' | 'anyOf'): Json[] =>
  Array.isArray(schema[key]) ? schema[key].filter(isJson) : [];

/** Of one of several objects: every field that any of them has, each once with all that it may be. */
const fieldsOfUnion = (options: readonly Json[], prefix: string): Field[] => {
  const types = new Map<string, Set<string>>();
  for (const { name, type } of options.flatMap((option) => fieldsOf(option, prefix)))
    types.set(name, (types.get(name) ?? new Set()).add(type));
  return [...types].map(([name, told]) => ({ name, type: [...told].join(' \\| ') }));
};

/** The fields of an object and of what it holds, as `suite.name` or `scores[].value`. */
const fieldsOf = (schema: Json, prefix = ''): Field[] => {
  const properties = isJson(schema['properties']) ? schema['properties'] : {};
  return Object.entries(properties).flatMap(([key, value]): Field[] => {
    if (!isJson(value)) return [];
    const name = `${prefix}${key}`;
    const items = isJson(value['items']) ? value['items'] : undefined;
    const union = optionsOf(value, 'oneOf');
    if (union.length > 0) return fieldsOfUnion(union, `${name}.`);
    const [object, nothing, ...others] = optionsOf(value, 'anyOf');
    if (object?.['type'] === 'object' && nothing?.['type'] === 'null' && others.length === 0 && object['properties'])
      return [{ name, type: 'null, or:' }, ...fieldsOf(object, `${name}.`)];
    if (value['type'] === 'object' && value['properties'] === undefined) return [{ name, type: 'object' }];
    if (value['type'] === 'object') return fieldsOf(value, `${name}.`);
    if (items?.['type'] === 'object') return fieldsOf(items, `${name}[].`);
    return [{ name, type: typeOf(value) }];
  });
};

const section = (type: EventType): string => {
  const { about, writtenBy, data } = examples[type];
  const fields = fieldsOf(z.toJSONSchema(catalogue[type]) as Json);
  const rows = fields.map((field) => `| \`${field.name}\` | ${field.type} |`);
  return [
    `## ${type}`,
    `${about} Written by the ${writtenBy}.`,
    ['| field | type |', '| --- | --- |', ...rows].join('\n'),
    `\`\`\`json\n${JSON.stringify(data, null, 2)}\n\`\`\``,
  ].join('\n\n');
};

/** docs/events.md: every event that can stand in the log. */
export const eventDocs = (): string =>
  `${[
    '# Events',
    '<!-- Made by `npm run generate` from libs/events. Changes here are lost. -->',
    'What happened is an append-only log of these events; everything else is derived from it. Each is a CloudEvents 1.0 JSON with the extensions `team`, `actor`, `correlationid`, `causationid` and `traceparent`, and on what people ask for `authmethod` and `clientaddress`; below is the `data` of each. A published shape is never edited: a change is a new version beside it.',
    'For programs: a JSON Schema of each whole message in [libs/events/schemas](../libs/events/schemas), and all channels, messages and operations in [asyncapi.json](../libs/events/asyncapi.json), an AsyncAPI 3 document. How to follow an evaluation from a program of your own: [bus.md](bus.md).',
    eventTypes.map((type) => `- [${type}](#${type.replaceAll('.', '')})`).join('\n'),
    ...eventTypes.map(section),
  ].join('\n\n')}\n`;
