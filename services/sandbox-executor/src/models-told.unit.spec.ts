import { createBroker, loadModels } from '@crucible/models';
import type { ModelEntry } from '@crucible/models';
import { catalogue } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import { ModelsController } from './conversation/index.ts';
import { modelsTold } from './executor.ts';

const entry = (name: string, more: Partial<ModelEntry> = {}): ModelEntry => ({
  name,
  provider: 'openai',
  modelId: 'm',
  baseUrl: 'https://user:secret@inside.example/v1',
  key: { env: 'OPENAI_API_KEY' },
  streaming: true,
  price: { inputUsd: 0.4, outputUsd: 1.6, cachedInputUsd: 0.1 },
  limits: {
    concurrencyMax: 20,
    timeoutMs: 300_000,
    idleMsMax: 1,
    outputTokensMax: 4_096,
    replyBytesMax: 1,
    attemptsMax: 5,
  },
  ...more,
});

describe('models as the log tells of them', () => {
  it('have a name, a price and limits, and no address and no key', () => {
    const told = modelsTold([entry('gpt-small')]);
    expect(told).toEqual([
      {
        name: 'gpt-small',
        provider: 'openai',
        modelId: 'm',
        price: { inputUsd: 0.4, outputUsd: 1.6, cachedInputUsd: 0.1 },
        limits: { concurrencyMax: 20, outputTokensMax: 4_096, timeoutMs: 300_000, attemptsMax: 5 },
      },
    ]);
    expect(JSON.stringify(told)).not.toMatch(/secret|inside|KEY/);
  });

  it('are as many as fit into an event, whatever they are called', () => {
    const long = (at: number): ModelEntry =>
      entry(`${String(at).padStart(3, '0')}${'n'.repeat(97)}`, { modelId: '\u0000'.repeat(200) });
    const all = Array.from({ length: 206 }, (_, at) => long(at));
    const models = modelsTold(all);
    const data = { executorId: 'e'.repeat(63), models, more: all.length - models.length };
    expect(models.length).toBeGreaterThan(20);
    expect(models.length).toBeLessThan(206);
    expect(Buffer.byteLength(JSON.stringify(data))).toBeLessThan(60_000);
    expect(catalogue['crucible.executor.models-loaded.v1'].safeParse(data).success).toBe(true);
  });

  it('of a usual file are all there', () => {
    const all = Array.from({ length: 120 }, (_, at) => entry(`provider/model-${at}`));
    expect(modelsTold(all)).toHaveLength(120);
  });
});

describe('what an executor tells of its providers', () => {
  it('is how many calls they take at once now, and not where they are', async () => {
    const loaded = await loadModels(null);
    if (!loaded.ok) throw new Error('the scripted models are wrong');
    const { accounts } = new ModelsController(createBroker(loaded.models, loaded.keys)).models();
    const benign = accounts.find(({ models }) => models.includes('scripted/benign'));
    expect(benign).toMatchObject({ provider: 'scripted', inFlight: 0, waiting: 0, pausedMs: 0 });
    expect(benign?.effective).toBeGreaterThan(0);
    const fields = ['provider', 'models', 'effective', 'concurrencyMax', 'inFlight', 'waiting', 'pausedMs'];
    for (const account of accounts) expect(Object.keys(account)).toEqual(fields);
  });
});
