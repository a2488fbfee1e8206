import type { EventListQuery } from '@crucible/api';
import { evaluationIdSchema, eventTypes } from '@crucible/events';
import type { EvaluationId } from '@crucible/events';

/** What a reader asks of the log; null asks for nothing. Positions are both included. */
export interface EventFilter {
  /** A type, or the beginning of types with `*` at its end. */
  readonly type: string | null;
  readonly actor: string | null;
  readonly evaluation: EvaluationId | null;
  readonly from: number | null;
  readonly to: number | null;
}

export const noFilter: EventFilter = { type: null, actor: null, evaluation: null, from: null, to: null };
export const filterNames = Object.keys(noFilter) as (keyof EventFilter)[];

/** A position as a person writes it, with or without separators; null when it is none. */
export const positionIn = (text: string | null): number | null => {
  const digits = (text ?? '').replace(/[\s,.'’]/g, '').replace(/^#/, '');
  return /^[1-9]\d{0,14}$/.test(digits) ? Number(digits) : null;
};

const textIn = (text: string | null, charsMax: number): string | null => {
  const trimmed = (text ?? '').trim().slice(0, charsMax);
  return trimmed === '' ? null : trimmed;
};

/** The filter of a page's address. What cannot be one is passed over. */
export const filterOf = (parameters: Pick<URLSearchParams, 'get'>): EventFilter => ({
  type: textIn(parameters.get('type'), 100),
  actor: textIn(parameters.get('actor'), 200),
  evaluation: evaluationIdSchema.safeParse(parameters.get('evaluation')?.trim()).data ?? null,
  from: positionIn(parameters.get('from')),
  to: positionIn(parameters.get('to')),
});

/** Whether every position in range is asked for: then a row's position is known before the row is. */
export const isWhole = ({ type, actor, evaluation }: EventFilter): boolean =>
  type === null && actor === null && evaluation === null;

export const isFiltered = (filter: EventFilter): boolean => filterNames.some((name) => filter[name] !== null);

/** The question to the platform for events of a filter within positions, both included. */
export const queryOf = (
  { type, actor, evaluation }: EventFilter,
  from: number,
  to: number,
): Pick<EventListQuery, 'type' | 'actor' | 'evaluation' | 'after' | 'before'> => ({
  ...(type === null ? {} : { type }),
  ...(actor === null ? {} : { actor }),
  ...(evaluation === null ? {} : { evaluation }),
  after: Math.max(0, from - 1),
  before: to + 1,
});

/** Choices of types: all of one aggregate, then each. */
export const typeChoices = (): { readonly value: string; readonly name: string }[] => {
  const short = (type: string): string => type.replace(/^crucible\./, '').replace(/\.v1$/, '');
  const aggregates = [...new Set(eventTypes.map((type) => type.split('.').slice(0, 2).join('.')))];
  return aggregates.flatMap((aggregate) => [
    { value: `${aggregate}.*`, name: `${short(aggregate)}, all` },
    ...eventTypes
      .filter((type) => type.startsWith(`${aggregate}.`))
      .map((type) => ({ value: type as string, name: `– ${short(type)}` })),
  ]);
};
