import { createHash } from 'node:crypto';
import { callArgumentsIn, displayable } from '@crucible/events';
import { pc } from '../colours.ts';
import type { ApiClient } from './api-client.ts';
import { recordPages } from './records.ts';
import { rowsOf, safe } from './text.ts';
import type { Approval } from './trial-commands.ts';

/** What waits for a decision, as far as it is to be had. */
export type WaitingArguments =
  /** As they would be run. `digest` is computed of this text, and proven where it is the one that the request names. */
  | { readonly kind: 'exact'; readonly text: string; readonly digest: string; readonly isProven: boolean }
  /** Only the beginning, as the request has it. */
  | { readonly kind: 'excerpt'; readonly why: string };

/** Reads them out of the transcript's record that the request names. Reading it is on the record. */
export const argumentsOf = async (client: ApiClient, approval: Approval): Promise<WaitingArguments> => {
  const { record, evaluationId, trialId, toolCallId, argumentsDigest } = approval;
  if (record === null) return { kind: 'excerpt', why: 'the request names no record that holds them' };
  const trial = { evaluationId, id: trialId };
  for await (const { records } of recordPages(client, trial, 'transcript', { around: record, limit: 1 })) {
    const holder = records.find(({ n }) => n === record);
    const text = callArgumentsIn(holder, toolCallId);
    if (text === null) break;
    const digest = createHash('sha256').update(text).digest('hex');
    return { kind: 'exact', text, digest, isProven: digest === argumentsDigest };
  }
  return { kind: 'excerpt', why: `record ${record} of the transcript does not hold them` };
};

const NAMES_MAX = 12;
const NAME_CHARS_MAX = 80;

/** Arguments by name, where they are an object of few: a command is read better without the escapes of JSON. */
const namedIn = (text: string): (readonly [name: string, value: string])[] => {
  const value: unknown = JSON.parse(text);
  const pairs = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  if (pairs.length === 0 || pairs.length > NAMES_MAX) return [['as JSON', text]];
  return pairs.map(([name, each]) => {
    const title = safe(name, NAME_CHARS_MAX);
    return typeof each === 'string' ? [title, each] : [`${title}, as JSON`, JSON.stringify(each, null, 2)];
  });
};

const GUTTER = '  │ ';
/** The line before goes on. */
const GUTTER_ONWARD = '  ┊ ';

/**
 * Every line behind a sign of ours: whatever stands in a text, none of it looks like what we say of it. A tab is shown as a
 * sign as well, for nobody can say how wide a terminal makes it.
 */
const fenced = (text: string, columns: number): string[] =>
  displayable(text)
    .replaceAll('\t', '␉')
    .split('\n')
    .flatMap((line) =>
      rowsOf(line, Math.max(1, columns - GUTTER.length)).map(
        (row, at) => `${pc.dim(at === 0 ? GUTTER : GUTTER_ONWARD)}${row}`,
      ),
    );

const excerptLines = ({ excerpt, argumentsDigest }: Approval, why: string, columns: number): string[] => [
  `  ${pc.dim('arguments')}  ${pc.yellow(`only their beginning: ${why}`)}`,
  ...fenced(excerpt, columns),
  `  ${pc.dim('SHA-256')}    ${argumentsDigest}`,
  `             ${pc.yellow('of the whole arguments, which are not to be had: nobody can say what would be run')}`,
];

/** The whole of what would be run, and whether it is what the request is about. */
export const argumentLines = (approval: Approval, found: WaitingArguments, columns: number): string[] => {
  if (found.kind === 'excerpt') return excerptLines(approval, found.why, columns);
  const { text, digest, isProven } = found;
  return [
    `  ${pc.dim('arguments')}  ${text.length} characters of JSON, all of them:`,
    ...namedIn(text).flatMap(([title, value]) => [`  ${pc.bold(title)}`, ...fenced(value, columns)]),
    `  ${pc.dim('SHA-256')}    ${approval.argumentsDigest}`,
    isProven
      ? `             ${pc.green('✓ computed anew of these arguments: they are what the request is about')}`
      : `             ${pc.red(`✗ not of these arguments, whose SHA-256 is ${digest}: reject it`)}`,
  ];
};
