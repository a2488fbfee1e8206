import type { EvidenceRecord, RecordPage } from '@crucible/api';
import { kernelRecordText } from '@crucible/domain';
import type { KernelRecord, TrialView } from '@crucible/domain';
import { pc } from '../colours.ts';
import { pad, safe, sinceStart } from './text.ts';

const TIME_COLUMNS = 14;
const NUMBER_COLUMNS = 7;
const VERB_COLUMNS = 9;
const MICROSECONDS = 6;

const numberOf = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);

/** When a trial's clock begins, in milliseconds since 1970. */
export const clockStartMs = ({ startedAt, dispatchedAt }: TrialView): number => Date.parse(startedAt ?? dispatchedAt);

export const kernelTitle = (): string =>
  pc.dim([pad('time', TIME_COLUMNS, 'right'), pad('n', NUMBER_COLUMNS, 'right'), 'what'].join('  '));

/** One record in one line. Nothing of it is taken to be there or to be harmless. */
export const kernelLine = (record: EvidenceRecord, startMs: number): string => {
  const at = record['at'];
  const time = typeof at === 'number' && Number.isFinite(at) ? sinceStart(at - startMs, MICROSECONDS) : '?';
  const { verb, object, refusal } = kernelRecordText(record as unknown as KernelRecord);
  const cells = [
    pad(time, TIME_COLUMNS, 'right'),
    pad(String(numberOf(record['n'])), NUMBER_COLUMNS, 'right'),
    pad(verb, VERB_COLUMNS),
    object,
    ...(refusal === '' ? [] : [pc.red(refusal)]),
  ];
  return cells.join('  ').trimEnd();
};

/** What is not among a trial's records: `null` until it has ended, for only then is it told. */
export const leftOutOf = ({ evidence }: TrialView): number | null =>
  evidence.find(({ channel }) => channel === 'kernel')?.dropped ?? null;

const kindsText = (kinds: RecordPage['kinds']): string =>
  Object.entries(kinds)
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${count} ${safe(kind, 40)}`)
    .join(', ');

const many = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** What stands below the records: how many of how many they are, and everything that is not among them. */
export const kernelEndLines = (shown: number, last: RecordPage, trial: TrialView): string[] => {
  const leftOut = leftOutOf(trial);
  const fitting = last.matching === last.total ? '' : `${last.matching} that fit, of `;
  return [
    pc.dim(`${shown} of ${fitting}${many(last.total, 'record')}${last.total > 0 ? `: ${kindsText(last.kinds)}` : ''}`),
    ...(last.next === null ? [] : [pc.dim(`there are more: --after ${last.next}`)]),
    ...(leftOut !== null && leftOut > 0
      ? [pc.yellow(`${many(leftOut, 'record')} more were counted and left out: --kind sampled,lost tells why`)]
      : []),
    ...(last.unreadable > 0 ? [pc.yellow(`${many(last.unreadable, 'line')} could not be read as records`)] : []),
    ...(trial.kernelObserved === false ? [pc.yellow('this engine does not report system calls')] : []),
    ...(last.complete ? [] : [pc.dim('the trial has not ended: more may come, and what is left out is told then')]),
  ];
};
