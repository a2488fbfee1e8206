import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { catalogue, eventTypes } from './catalogue.ts';
import { examples } from './examples.ts';
import { readData, readerOf } from './upcast.ts';
import type { Upcasts } from './upcast.ts';

const shapes = {
  'lamp.lit.v1': z.object({ watts: z.int().min(0) }),
  'lamp.lit.v2': z.object({ milliwatts: z.int().min(0).max(1_000_000) }),
  'lamp.lit.v3': z.object({ milliwatts: z.int().min(0), colour: z.enum(['white', 'red']) }),
  'lamp.broken.v1': z.object({ why: z.string() }),
} as const;
const steps = {
  'lamp.lit.v1': { to: 'lamp.lit.v2', data: ({ watts }) => ({ milliwatts: watts * 1_000 }) },
  'lamp.lit.v2': { to: 'lamp.lit.v3', data: (old) => ({ ...old, colour: 'white' as const }) },
} as const satisfies Upcasts<typeof shapes>;

describe('reading old versions', () => {
  const read = readerOf(shapes, steps);

  it('tells data of any version in the newest', () => {
    const newest = { ok: true, type: 'lamp.lit.v3', data: { milliwatts: 60_000, colour: 'white' } };
    expect(read('lamp.lit.v1', { watts: 60 })).toEqual(newest);
    expect(read('lamp.lit.v2', { milliwatts: 60_000 })).toEqual(newest);
    expect(read('lamp.lit.v3', { milliwatts: 1, colour: 'red' })).toEqual({
      ok: true,
      type: 'lamp.lit.v3',
      data: { milliwatts: 1, colour: 'red' },
    });
  });

  it('leaves alone what has one version', () => {
    expect(read('lamp.broken.v1', { why: 'old' })).toEqual({ ok: true, type: 'lamp.broken.v1', data: { why: 'old' } });
  });

  it('judges stored data by the version it was written in', () => {
    expect(read('lamp.lit.v1', { milliwatts: 60_000 })).toMatchObject({ ok: false, failure: 'bad-data' });
    expect(read('lamp.lit.v2', { watts: 60 })).toMatchObject({ ok: false, failure: 'bad-data' });
    expect(read('lamp.lit.v4', {})).toEqual({ ok: false, failure: 'unknown-type', detail: 'lamp.lit.v4' });
    expect(read('constructor', {})).toMatchObject({ ok: false, failure: 'unknown-type' });
  });

  it('refuses, naming both versions, what does not fit the newer one', () => {
    expect(read('lamp.lit.v1', { watts: 5_000 })).toMatchObject({
      ok: false,
      failure: 'bad-data',
      detail: expect.stringMatching(/^lamp\.lit\.v1 told as lamp\.lit\.v2: /) as string,
    });
  });

  it.each([
    ['lamp.lit.v1', 'lamp.lit.v3'],
    ['lamp.lit.v2', 'lamp.lit.v1'],
    ['lamp.lit.v1', 'lamp.lit.v1'],
    ['lamp.lit.v1', 'lamp.broken.v1'],
  ] as const)('does not go from %s to %s', (from, to) => {
    const wrong = { [from]: { to, data: (old: unknown) => old } } as unknown as Upcasts<typeof shapes>;
    expect(() => readerOf(shapes, wrong)).toThrow(`${from} cannot be upcast to ${to}`);
  });
});

it.each(eventTypes)('%s of our own catalogue is read', (type) => {
  const read = readData(type, examples[type].data);
  expect(read.ok && catalogue[read.type].parse(read.data)).toEqual(read.ok && read.data);
});

it('tells a start of version 1 with what every sandbox had, and nothing that it did not tell', () => {
  const { data } = examples['crucible.trial.started.v1'];
  expect(readData('crucible.trial.started.v1', data)).toMatchObject({
    ok: true,
    type: 'crucible.trial.started.v2',
    data: {
      limits: { ...data.limits, tmpBytesMax: 16_777_216, filesOpenMax: 1_024, fileBytesMax: 33_558_528 },
      profile: null,
      preflight: null,
    },
  });
});

it('tells what was reaped by version 1 as it stands: its kinds are kinds of version 2', () => {
  const { data } = examples['crucible.executor.reaped.v1'];
  expect(readData('crucible.executor.reaped.v1', data)).toEqual({
    ok: true,
    type: 'crucible.executor.reaped.v2',
    data,
  });
  const told = examples['crucible.executor.reaped.v2'].data;
  expect(readData('crucible.executor.reaped.v1', told)).toMatchObject({ ok: false, failure: 'bad-data' });
});

it('tells a call of version 1 without what budgets paid for it', () => {
  const { data } = examples['crucible.trial.model-called.v1'];
  expect(readData('crucible.trial.model-called.v1', data)).toEqual({
    ok: true,
    type: 'crucible.trial.model-called.v2',
    data: { ...data, settled: null },
  });
});

it('tells a submission of version 1 as one of a program without a bound of its own', () => {
  const { data } = examples['crucible.evaluation.submitted.v1'];
  expect(readData('crucible.evaluation.submitted.v1', data)).toEqual({
    ok: true,
    type: 'crucible.evaluation.submitted.v2',
    data: {
      ...data,
      suite: { ...data.suite, capability: null },
      subject: { kind: 'program' },
      budget: { tokensMax: null, costMicroUsdMax: null, callsMax: null, timeMsMax: null },
      epochReducer: 'mean',
    },
  });
});

it('tells an end of version 1 as it was, without usage and answer; the words of models are none of version 1', () => {
  const { data } = examples['crucible.trial.finished.v1'];
  expect(readData('crucible.trial.finished.v1', data)).toEqual({
    ok: true,
    type: 'crucible.trial.finished.v2',
    data: { ...data, usage: null, answer: null },
  });
  const completed = { ...data, reason: 'completed' };
  expect(readData('crucible.trial.finished.v1', completed)).toMatchObject({ ok: false, failure: 'bad-data' });
});
