import type { z } from 'zod';
import { catalogue, eventTypes } from './catalogue.ts';
import type { Catalogue, EventType } from './catalogue.ts';
import { noBudget } from './evaluation-shapes.ts';

type Catalogued = Readonly<Record<string, z.ZodType>>;

/** How data of one version is told in the next: pure and total over what the old shape allows. */
export interface Upcast<From extends z.ZodType, To extends z.ZodType, Type> {
  readonly to: Type;
  readonly data: (old: z.output<From>) => z.input<To>;
}

/** A step for every type that has a newer version, by the older type: `x.v1` to `x.v2`, `x.v2` to `x.v3`. */
export type Upcasts<C extends Catalogued> = {
  readonly [From in keyof C]?: { readonly [To in keyof C]: Upcast<C[From], C[To], To> }[keyof C];
};

export type Reading<Type> =
  | { readonly ok: true; readonly type: Type; readonly data: unknown }
  | { readonly ok: false; readonly failure: 'unknown-type' | 'bad-data'; readonly detail: string };

const versionOf = (type: string): { stem: string; version: number } => {
  const [, stem = type, version = '0'] = /^(.+)\.v(\d+)$/.exec(type) ?? [];
  return { stem, version: Number(version) };
};

interface AnyUpcast {
  readonly to: string;
  readonly data: (old: unknown) => unknown;
}

/**
 * Makes the reader of a catalogue: it parses data by the version it was written in, then tells it step by step in the
 * newest one, so that whoever folds events knows one version of each only. What is stored stays as it is.
 * @throws Error when a step leads anywhere but to the next version of the same event
 */
export const readerOf = <C extends Catalogued>(shapes: C, upcasts: Upcasts<C>) => {
  const steps = upcasts as Readonly<Record<string, AnyUpcast | undefined>>;
  for (const [from, step] of Object.entries(steps)) {
    const [old, next] = [versionOf(from), versionOf(step?.to ?? '')];
    if (old.stem !== next.stem || old.version + 1 !== next.version) {
      throw new Error(
        `${from} cannot be upcast to ${step?.to ?? 'nothing'}: only to the next version of the same event`,
      );
    }
  }
  return (writtenAs: string, stored: unknown): Reading<keyof C & string> => {
    if (!Object.hasOwn(shapes, writtenAs)) return { ok: false, failure: 'unknown-type', detail: writtenAs };
    let type: keyof C & string = writtenAs;
    let parsed = shapes[type]?.safeParse(stored);
    for (;;) {
      if (!parsed?.success) {
        const told = type === writtenAs ? type : `${writtenAs} told as ${type}`;
        return { ok: false, failure: 'bad-data', detail: `${told}: ${parsed?.error.message ?? ''}` };
      }
      const step = Object.hasOwn(steps, type) ? steps[type] : undefined;
      if (step === undefined) return { ok: true, type, data: parsed.data };
      type = step.to;
      parsed = shapes[type]?.safeParse(step.data(parsed.data));
    }
  };
};

/** What every sandbox had before a trial's start told it. */
const TMP_BYTES_V1 = 16 * 1024 ** 2;
const FILES_OPEN_V1 = 1_024;
const FILE_BYTES_BEYOND_DISK_V1 = 4_096;

/** The steps of our own catalogue. */
export const upcasts = {
  'crucible.evaluation.submitted.v1': {
    to: 'crucible.evaluation.submitted.v2',
    // A trial's scores were averaged, and so were epochs.
    data: (old) => ({ ...old, suite: { ...old.suite, capability: null }, budget: noBudget, epochReducer: 'mean' }),
  },
  'crucible.trial.started.v1': {
    to: 'crucible.trial.started.v2',
    data: (old) => ({
      ...old,
      limits: {
        ...old.limits,
        tmpBytesMax: TMP_BYTES_V1,
        filesOpenMax: FILES_OPEN_V1,
        fileBytesMax: old.limits.diskBytesMax + FILE_BYTES_BEYOND_DISK_V1,
      },
      sandboxId: null,
      origin: null,
      profile: null,
      preflight: null,
    }),
  },
  'crucible.executor.reaped.v1': { to: 'crucible.executor.reaped.v2', data: (old) => old },
  'crucible.trial.finished.v1': {
    to: 'crucible.trial.finished.v2',
    data: (old) => ({ ...old, usage: null, answer: null }),
  },
  'crucible.trial.model-called.v1': {
    to: 'crucible.trial.model-called.v2',
    // How much was held for it nobody wrote down.
    data: (old) => ({ ...old, settled: null }),
  },
} as const satisfies Upcasts<Catalogue>;

/** Types as they come out of decoding: the newest version of each event. */
export type CurrentEventType = Exclude<EventType, keyof typeof upcasts>;

export const currentEventTypes = eventTypes.filter((type): type is CurrentEventType => !Object.hasOwn(upcasts, type));

/** Reads the data of a stored event. */
export const readData = readerOf(catalogue, upcasts);
