import { displayableLine } from '@crucible/events';
import { inlineSampleSchema } from '@crucible/suite';
import { misuse } from '../failure.ts';
import type { DatasetRecord } from './records.ts';

/** Which field of a dataset holds what; the names are those of Inspect where nothing else is said. */
export interface FieldNames {
  readonly input: string;
  readonly target: string;
  readonly id: string;
  readonly choices: string;
  readonly metadata: string;
}
export const inspectFields: FieldNames = {
  input: 'input',
  target: 'target',
  id: 'id',
  choices: 'choices',
  metadata: 'metadata',
};

/** Fields of an Inspect sample that say what a sandbox is made by: none of it can be carried over. */
const UNSUPPORTED = ['sandbox', 'setup'] as const;

type Refuse = (field: string, why: string) => Error;

const textOfParts = (content: unknown, refuse: Refuse): string => {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw refuse('input', 'the content of a message must be text');
  return content
    .map((part: unknown) => {
      const { type, text } = (part ?? {}) as { type?: unknown; text?: unknown };
      if (type === 'text' && typeof text === 'string') return text;
      throw refuse('input', 'a message holds other content than text, which is not supported');
    })
    .join('\n');
};

const inputOf = (value: unknown, refuse: Refuse): unknown => {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (!Array.isArray(value)) throw refuse('input', 'is missing, or neither text nor a list of messages');
  const messages = value.map((message: unknown) => {
    const { role, content } = (message ?? {}) as { role?: unknown; content?: unknown };
    if (role === 'system' || role === 'user' || role === 'assistant')
      return { role, content: textOfParts(content, refuse) };
    throw refuse('input', 'a message must be of the role system, user or assistant');
  });
  return { messages };
};

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** As Inspect reads them: a list, or a text with commas between, or else spaces. */
const choicesOf = (value: unknown): string[] | undefined => {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value.map(textOf);
  const text = textOf(value);
  const parts = text.includes(',') ? text.split(',') : text.split(/\s+/);
  return parts.map((part) => part.trim()).filter((part) => part !== '');
};

const targetOf = (value: unknown): string | string[] | undefined => {
  if (value === undefined || value === null || value === '') return undefined;
  return Array.isArray(value) ? value.map(textOf) : textOf(value);
};

const jsonIn = (value: unknown): unknown => {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
};

/** What our metadata takes as it is; anything else as its JSON, cut. */
const METADATA_CHARS_MAX = 2_000;
const metadataOf = (value: unknown, refuse: Refuse): Record<string, unknown> | undefined => {
  if (value === undefined || value === null) return undefined;
  const map = jsonIn(value);
  if (typeof map !== 'object' || map === null || Array.isArray(map)) throw refuse('metadata', 'must be a JSON object');
  const plain = (each: unknown): unknown =>
    typeof each === 'number' || typeof each === 'boolean' || each === null
      ? each
      : textOf(each).slice(0, METADATA_CHARS_MAX);
  return Object.fromEntries(Object.entries(map).map(([name, each]) => [name.slice(0, 100), plain(each)]));
};

const DATA_URI = /^data:[^,]*;base64,([A-Za-z0-9+/=\s]*)$/;
const filesOf = (value: unknown, refuse: Refuse): Record<string, unknown> | undefined => {
  if (value === undefined || value === null) return undefined;
  const map = jsonIn(value);
  if (typeof map !== 'object' || map === null || Array.isArray(map)) throw refuse('files', 'must be a JSON object');
  return Object.fromEntries(
    Object.entries(map).map(([path, content]) => {
      if (typeof content !== 'string') throw refuse('files', 'must hold texts');
      const base64 = DATA_URI.exec(content)?.[1];
      return [path.replace(/^\.\//, ''), base64 === undefined ? content : { base64: base64.replace(/\s/g, '') }];
    }),
  );
};

/**
 * A sample of ours from a record.
 * @param nth its place, from 1: its id where it has none
 * @throws UsageFailure that names the line and the field
 */
export const sampleFrom = ({ where, fields }: DatasetRecord, names: FieldNames, nth: number): object => {
  const refuse: Refuse = (field, why) => misuse(`${where}: ${displayableLine(field, 60)}: ${why}`);
  for (const field of UNSUPPORTED)
    if (fields[field] !== undefined && fields[field] !== null)
      throw refuse(field, 'is not supported: a suite says under sandbox what its trials are given');
  const id = fields[names.id] ?? nth;
  const choices = choicesOf(fields[names.choices]);
  const target = targetOf(fields[names.target]);
  const metadata = metadataOf(fields[names.metadata], refuse);
  const files = filesOf(fields['files'], refuse);
  const sample = {
    id: textOf(id),
    input: inputOf(fields[names.input], (_, why) => refuse(names.input, why)),
    ...(choices === undefined ? {} : { choices }),
    ...(target === undefined ? {} : { target }),
    ...(files === undefined ? {} : { files }),
    ...(metadata === undefined ? {} : { metadata }),
  };
  const fit = inlineSampleSchema.safeParse(sample);
  if (fit.success) return sample;
  const [issue] = fit.error.issues;
  throw refuse(issue?.path.join('.') ?? 'sample', issue?.message ?? 'cannot be used');
};

/** @throws UsageFailure when two have the same id */
export const samplesFrom = (records: readonly DatasetRecord[], names: FieldNames): object[] => {
  const known = new Map<string, string>();
  return records.map((record, index) => {
    const sample = sampleFrom(record, names, index + 1);
    const { id } = sample as { id: string };
    const before = known.get(id);
    if (before !== undefined)
      throw misuse(
        `${record.where}: ${names.id}: ${displayableLine(id, 60)} is already that of ${before}`,
        'ids must be unique',
      );
    known.set(id, record.where);
    return sample;
  });
};
