import { z } from 'zod';
import { catalogue } from '../catalogue.ts';
import type { EventType } from '../catalogue.ts';
import { envelopeSchema, publishedEnvelopeSchema, requestExtensionsSchema } from '../envelope.ts';
import { examples } from '../examples.ts';
import { exampleEvent } from './example-event.ts';

export type JsonSchema = { readonly [key: string]: unknown };
type Target = 'draft-2020-12' | 'draft-7';

const shapeOf = (schema: z.ZodType, target: Target, io: 'input' | 'output'): JsonSchema => {
  const { $schema: _, ...shape } = z.toJSONSchema(schema, { target, io });
  return shape;
};

/**
 * What is written about a type: exactly these fields. The writer parses what it writes, so nothing else can be there, and
 * a field more would be another version.
 */
export const dataShape = (type: EventType, target: Target = 'draft-2020-12'): JsonSchema =>
  shapeOf(catalogue[type], target, 'output');

/** The envelope of every event. It is open: CloudEvents lets anybody on the way add extensions. */
export const envelopeShape = (target: Target = 'draft-2020-12'): JsonSchema => shapeOf(envelopeSchema, target, 'input');

/** The envelope in the parts it was published in, by name: what came later stands beside what was there. */
export const envelopeParts = (): Readonly<Record<string, JsonSchema>> => ({
  envelope: shapeOf(publishedEnvelopeSchema, 'draft-2020-12', 'input'),
  'request-extensions': shapeOf(requestExtensionsSchema, 'draft-2020-12', 'input'),
});

/** JSON Schema of a whole message of one type, without `$schema` and `$id`. */
export const eventShape = (type: EventType, target: Target = 'draft-2020-12'): JsonSchema => {
  const envelope = envelopeShape(target);
  const fields = envelope['properties'] as JsonSchema;
  return {
    title: type,
    description: `${examples[type].about} Written by the ${examples[type].writtenBy}.`,
    ...envelope,
    properties: { ...fields, type: { type: 'string', const: type }, data: dataShape(type, target) },
  };
};

/** The published JSON Schema 2020-12 of a type, with an example. */
export const eventJsonSchema = (type: EventType): JsonSchema => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: `urn:crucible:schema:event:${type}`,
  ...eventShape(type),
  examples: [exampleEvent(type)],
});
