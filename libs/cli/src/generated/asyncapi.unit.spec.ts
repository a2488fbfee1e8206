import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import { eventTypes, subjects, evaluationIdSchema, trialIdSchema } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import { buildAsyncApi } from './asyncapi.ts';

interface Message {
  readonly payload: object;
  readonly examples?: readonly { readonly payload: unknown }[];
}
interface Document {
  readonly channels: Record<string, { readonly address: string; readonly messages: Record<string, unknown> }>;
  readonly operations: Record<string, { readonly channel: { readonly $ref: string } }>;
  readonly components: { readonly messages: Record<string, Message> };
}

const document = buildAsyncApi() as unknown as Document;
const published = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json') as object;

const referencesIn = (value: unknown): string[] => {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    key === '$ref' && typeof each === 'string' ? [each] : referencesIn(each),
  );
};
const resolve = (reference: string): unknown =>
  reference
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);

describe('the AsyncAPI document', () => {
  it('fits the published schema of AsyncAPI 3', () => {
    const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
    const accepts = ajv.compile(published);
    expect(accepts(document), JSON.stringify(accepts.errors?.slice(0, 5))).toBe(true);
    expect(accepts({ ...document, operations: { x: { action: 'shout', channel: {} } } })).toBe(false);
  });

  it('refers to nothing that is not there', () => {
    const dangling = [...new Set(referencesIn(document))].filter((reference) => resolve(reference) === undefined);
    expect(dangling).toEqual([]);
  });

  it('has each event on one channel, and an operation for every channel', () => {
    const told = Object.values(document.channels).flatMap(({ messages }) => Object.keys(messages));
    expect(told.sort()).toEqual([...eventTypes, 'evidence', 'checkpoint'].sort());
    const used = Object.values(document.operations).map(({ channel }) => channel.$ref.split('/').at(-1));
    expect(used.sort()).toEqual(Object.keys(document.channels).sort());
  });

  it('has the subjects that the code uses', () => {
    const evaluationId = evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f');
    const trialId = trialIdSchema.parse('3-1-1');
    const filled = Object.values(document.channels).map(({ address }) =>
      address
        .replace('{evaluationId}', evaluationId)
        .replace('{trialId}', trialId)
        .replace('{channel}', 'output')
        .replace('{service}', 'notifier')
        .replace('{team}', 'default'),
    );
    expect(filled.sort()).toEqual(
      [
        subjects.evaluation(evaluationId),
        subjects.trial(evaluationId, trialId),
        subjects.trialCommand(evaluationId, trialId),
        subjects.platform('executor'),
        subjects.platform('delivery'),
        subjects.platform('evidence'),
        subjects.platform('redrive'),
        subjects.platform('stop'),
        subjects.deadLetters('notifier'),
        subjects.team('default'),
        subjects.evidence(evaluationId, trialId, 'output'),
        subjects.checkpoints,
      ].sort(),
    );
  });

  it.each(eventTypes)('%s: its example fits its payload', (type) => {
    const { payload, examples } = document.components.messages[type] ?? { payload: { not: {} } };
    const accepts = new Ajv({ strict: false, validateFormats: false }).compile(payload);
    expect(examples).toHaveLength(1);
    expect(accepts(examples?.[0]?.payload), JSON.stringify(accepts.errors)).toBe(true);
  });
});
