import type { SubmitRequest } from '@crucible/api';
import { platformMaxima, suiteSchema } from '@crucible/suite';
import { pointerOf } from './problem.ts';
import type { FieldError } from './problem.ts';

/** How the result of a pasted program is judged. */
export type Judgement = 'exit-code' | 'exact' | 'includes';

/** A program as the form holds it. Sizes are in MiB and KiB, times in seconds, as a person types them; null is an empty field. */
export interface ProgramDraft {
  readonly title: string;
  readonly language: 'python' | 'shell';
  readonly source: string;
  readonly stdin: string;
  readonly judgement: Judgement;
  readonly exitCode: number | null;
  readonly expectedOutput: string;
  readonly cpuCores: number | null;
  readonly memoryMiB: number | null;
  readonly pids: number | null;
  readonly diskMiB: number | null;
  readonly wallTimeSeconds: number | null;
  readonly outputKiB: number | null;
}

export const emptyDraft: ProgramDraft = {
  title: '',
  language: 'python',
  source: '',
  stdin: '',
  judgement: 'exit-code',
  exitCode: 0,
  expectedOutput: '',
  cpuCores: 1,
  memoryMiB: 256,
  pids: 64,
  diskMiB: 64,
  wallTimeSeconds: 10,
  outputKiB: 1024,
};

const MiB = 1024 ** 2;
/** The bounds the platform puts on a limit, in the units of the form. */
export const limitFields = [
  {
    field: 'wallTimeSeconds',
    label: 'Wall time',
    unit: 's',
    min: 0.1,
    max: platformMaxima.wallTimeMs / 1_000,
    step: 0.1,
    pointer: 'wallTime',
  },
  { field: 'cpuCores', label: 'CPU', unit: 'cores', min: 0.1, max: platformMaxima.cpuCores, step: 0.1, pointer: 'cpu' },
  {
    field: 'memoryMiB',
    label: 'Memory',
    unit: 'MiB',
    min: 64,
    max: platformMaxima.memoryBytes / MiB,
    step: 1,
    pointer: 'memory',
  },
  { field: 'pids', label: 'Processes', unit: '', min: 1, max: platformMaxima.pids, step: 1, pointer: 'pids' },
  {
    field: 'diskMiB',
    label: 'Work folder',
    unit: 'MiB',
    min: 1,
    max: platformMaxima.diskBytes / MiB,
    step: 1,
    pointer: 'disk',
  },
  {
    field: 'outputKiB',
    label: 'Output',
    unit: 'KiB',
    min: 1,
    max: platformMaxima.outputBytes / 1024,
    step: 1,
    pointer: 'output',
  },
] as const;
export type LimitField = (typeof limitFields)[number]['field'];

const slug = (title: string): string => {
  const plain = title
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 64)
    .replace(/^-+|-+$/g, '');
  return plain === '' ? 'program' : plain;
};

/** An empty field goes out as it is, so that the schema says what is wrong with it. */
const quantity = (value: number | null, unit: string): string => (value === null ? '' : `${value}${unit}`);

const sample = (draft: ProgramDraft) => ({
  id: 'program',
  input: { language: draft.language, source: draft.source, ...(draft.stdin === '' ? {} : { stdin: draft.stdin }) },
  ...(draft.judgement === 'exit-code' ? {} : { target: draft.expectedOutput }),
});

/** One pasted program as a suite of one sample. */
export const requestOf = (draft: ProgramDraft): SubmitRequest => ({
  suite: {
    apiVersion: 'crucible/v1',
    kind: 'Suite',
    metadata: {
      name: slug(draft.title),
      version: '1.0.0',
      title: draft.title.trim() === '' ? 'Program' : draft.title.trim(),
    },
    sandbox: {
      cpu: draft.cpuCores ?? Number.NaN,
      memory: quantity(draft.memoryMiB, 'MiB'),
      pids: draft.pids ?? Number.NaN,
      disk: quantity(draft.diskMiB, 'MiB'),
      wallTime: quantity(draft.wallTimeSeconds === null ? null : Math.round(draft.wallTimeSeconds * 1_000), 'ms'),
      output: quantity(draft.outputKiB, 'KiB'),
    },
    dataset: { samples: [sample(draft)] },
    scorers: [
      draft.judgement === 'exit-code'
        ? { kind: 'exit-code', equals: draft.exitCode ?? Number.NaN }
        : { kind: draft.judgement },
    ],
    // A person waits for this one run: trying again three times would only hide what failed.
    limits: { attempts: 1, concurrency: 1 },
  },
});

/** Which part of the request each field of the form is answerable for. */
export const fieldPointers = {
  title: ['/suite/metadata/title', '/suite/metadata/name'],
  source: ['/suite/dataset/samples/0/input/source'],
  stdin: ['/suite/dataset/samples/0/input/stdin'],
  expectedOutput: ['/suite/dataset/samples/0/target'],
  exitCode: ['/suite/scorers/0'],
  ...(Object.fromEntries(limitFields.map(({ field, pointer }) => [field, [`/suite/sandbox/${pointer}`]])) as Record<
    LimitField,
    string[]
  >),
} as const;
export type FormField = keyof typeof fieldPointers;

/** What the format of suites finds wrong, before anything is sent; pointers are those of the request. */
export const findErrors = (draft: ProgramDraft): FieldError[] => {
  const request = requestOf(draft);
  const errors: FieldError[] = limitFields
    .filter(({ field }) => draft[field] === null)
    .map(({ pointer }) => ({ pointer: `/suite/sandbox/${pointer}`, detail: 'must be a number' }));
  const named = new Set(errors.map(({ pointer }) => pointer));
  if (draft.source.trim() === '') {
    errors.push({ pointer: fieldPointers.source[0], detail: 'is empty: there is nothing to run' });
    named.add(fieldPointers.source[0]);
  }
  if (draft.judgement !== 'exit-code' && draft.expectedOutput === '') {
    errors.push({ pointer: fieldPointers.expectedOutput[0], detail: 'is empty: there is nothing to compare with' });
    named.add(fieldPointers.expectedOutput[0]);
  }
  const parsed = suiteSchema.safeParse(request.suite);
  for (const { path, message } of parsed.success ? [] : parsed.error.issues) {
    const pointer = `/suite${pointerOf(path)}`;
    if (!named.has(pointer)) errors.push({ pointer, detail: message });
    named.add(pointer);
  }
  return errors;
};

const keyBytes = 16;
// Not randomUUID: that exists only on pages that came over TLS or from this machine.
const freshKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(keyBytes)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * Keeps one idempotency key to one request: pressing twice, or again after a lost answer, cannot submit twice,
 * and a changed request is another submission.
 */
export class IdempotencyKeys {
  #body: string | null = null;
  #key = '';

  keyFor(body: string): string {
    if (body !== this.#body) {
      this.#body = body;
      this.#key = freshKey();
    }
    return this.#key;
  }

  /** After an accepted answer the same request is a new wish. */
  spend(): void {
    this.#body = null;
  }
}

/**
 * The same for several requests that are one wish: where one of them was refused, those before it were accepted, and
 * pressing again finds them instead of submitting them twice.
 */
export class ManyIdempotencyKeys {
  readonly #keys = new Map<string, string>();

  keyFor(body: string): string {
    const key = this.#keys.get(body) ?? freshKey();
    this.#keys.set(body, key);
    return key;
  }

  spend(): void {
    this.#keys.clear();
  }
}
