import { displayableLine } from '@crucible/events';
import type { CrucibleEvent, Severity, TrialId } from '@crucible/events';
import { duration, score } from '../format.ts';
import type { HistoryEntry } from '../timeline/history.ts';
import { kindOf } from '../timeline/kinds.ts';
import type { Kind } from '../timeline/kinds.ts';
import { reasonNames, verdictNames } from '../words.ts';

/** Something that happened between the words of a conversation: what an event of the log tells of it. */
export interface Mark {
  readonly key: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly position: number;
  readonly kind: Kind;
  readonly title: string;
  /** Chosen by a model, a sandbox or a person: shown as text only. */
  readonly about: string;
  readonly by: string | null;
  readonly severity: Severity | null;
  /** Arguments as a person had them run. */
  readonly code: string | null;
}

type Told = Omit<Mark, 'key' | 'at' | 'position' | 'kind' | 'by' | 'severity' | 'code'> &
  Partial<Pick<Mark, 'by' | 'severity' | 'code'>>;

const decisions = {
  approve: 'Approved',
  modify: 'Approved with other arguments',
  reject: 'Rejected',
  terminate: 'Trial ended in place of an approval',
  expired: 'Nobody decided: denied',
} as const;

const toldOf = (event: CrucibleEvent): Told[] => {
  switch (event.type) {
    case 'crucible.trial.started.v2':
      return [{ title: 'Sandbox started', about: '' }];
    case 'crucible.trial.model-called.v2': {
      const { result, role, model, latencyMs } = event.data;
      // A call with a reply stands beside it.
      if (result.status === 'replied') return [];
      const whose = role === 'subject' ? model : `${model} as ${role}`;
      return [{ title: `No reply: ${result.failure}`, about: `${whose}, ${duration(latencyMs)}: ${result.detail}` }];
    }
    case 'crucible.trial.approval-requested.v1':
      return [{ title: `${displayableLine(event.data.tool, 60)} waits for approval`, about: event.data.excerpt }];
    case 'crucible.trial.approval-decided.v1': {
      const { decision, reason } = event.data;
      const code = decision.kind === 'modify' ? decision.inputText : null;
      return [
        { title: decisions[decision.kind], about: reason, by: decision.kind === 'expired' ? null : event.actor, code },
      ];
    }
    case 'crucible.trial.pause-requested.v1':
      return [{ title: 'Pause asked for', about: event.data.reason, by: event.actor }];
    case 'crucible.trial.pause-carried.v1':
      return [{ title: 'Pause carried over', about: `asked for in ${event.data.fromTrialId}, which ended before it` }];
    case 'crucible.trial.paused.v1':
      return [{ title: `Paused before turn ${event.data.turn}`, about: '' }];
    case 'crucible.trial.resumed.v1':
      return [{ title: 'Resumed', about: event.data.reason, by: event.actor }];
    case 'crucible.trial.message-sent.v1':
      return [{ title: 'Message sent', about: event.data.content, by: event.actor }];
    case 'crucible.trial.termination-requested.v1':
      return [{ title: 'Termination asked for', about: event.data.reason, by: event.actor }];
    case 'crucible.alert.raised.v1': {
      const { rule, summary, severity } = event.data;
      return [{ title: displayableLine(rule.title, 200), about: summary, severity }];
    }
    case 'crucible.sandbox.kill-confirmed.v1':
      return [{ title: 'Sandbox killed from outside', about: `after ${duration(event.data.latencyMs)}` }];
    case 'crucible.trial.withdrawn.v1':
      return [{ title: 'Withdrawn', about: '' }];
    case 'crucible.trial.finished.v2': {
      const { reason, verdict, scores, error } = event.data;
      return [
        {
          title: `Ended: ${reasonNames[reason].toLowerCase()}, ${verdictNames[verdict].toLowerCase()}`,
          about: error ?? '',
        },
        ...scores.map((each) => ({
          title: `${displayableLine(each.scorer, 100)}: ${score(each.value)}`,
          about: each.explanation,
        })),
      ];
    }
    default:
      return [];
  }
};

/** What one event of the log puts between the words; nothing for most. */
export const marksOf = (entry: HistoryEntry): Mark[] => {
  const { event, position } = entry;
  if (event === null) return [];
  return toldOf(event).map((told, index) => ({
    by: null,
    severity: null,
    code: null,
    ...told,
    key: `${position}-${index}`,
    at: Date.parse(event.time),
    position,
    kind: kindOf(entry),
  }));
};

const trialOf = (event: CrucibleEvent): TrialId | null => ('trialId' in event.data ? event.data.trialId : null);

/** The marks of one trial, taken from its evaluation's events as they come. */
export class TrialMarks {
  readonly #trialId: TrialId;
  #taken = 0;
  #marks: readonly Mark[] = [];

  constructor(trialId: TrialId) {
    this.#trialId = trialId;
  }

  /** @param entries all of the evaluation so far: the same ones as before, and then some. @returns marks by their times */
  take(entries: readonly HistoryEntry[]): readonly Mark[] {
    const fresh: Mark[] = [];
    for (; this.#taken < entries.length; this.#taken += 1) {
      const entry = entries[this.#taken] as HistoryEntry;
      if (entry.event !== null && trialOf(entry.event) === this.#trialId) fresh.push(...marksOf(entry));
    }
    if (fresh.length > 0) this.#marks = [...this.#marks, ...fresh].sort((one, other) => one.at - other.at);
    return this.#marks;
  }
}

/** Times of records carry fractions, those of events do not: what is of the same millisecond came behind its cause. */
const placeOf = (atMs: number): number => Math.floor(atMs);

const firstAt = (marks: readonly Mark[], atMs: number): number => {
  let [low, high] = [0, marks.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((marks[middle] as Mark).at < atMs) low = middle + 1;
    else high = middle;
  }
  return low;
};

/**
 * Marks between two neighbours on the timeline. @param previousMs time of the record before; null where there is none
 * @param nextMs time of the record behind; null where there is none
 */
export const marksBetween = (
  marks: readonly Mark[],
  previousMs: number | null,
  nextMs: number | null,
): readonly Mark[] => {
  const from = previousMs === null ? 0 : firstAt(marks, placeOf(previousMs));
  const to = nextMs === null ? marks.length : firstAt(marks, placeOf(nextMs));
  return from >= to ? [] : marks.slice(from, to);
};
