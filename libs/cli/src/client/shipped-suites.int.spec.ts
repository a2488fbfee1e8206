import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadRules, ruleFilesOf, shippedFolder } from '@crucible/detectors';
import { capabilityClassSchema } from '@crucible/events';
import type { SuiteScorer } from '@crucible/suite';
import { beforeAll, describe, expect, it } from 'vitest';
import { measuringSuites } from './baseline.ts';
import type { MeasuringSuite } from './baseline.ts';

const repository = fileURLToPath(new URL('../../../../', import.meta.url));
let suites: MeasuringSuite[];
beforeAll(async () => {
  suites = await measuringSuites(repository);
});

const kernelScorers = (): Extract<SuiteScorer, { kind: 'kernel' }>[] =>
  suites.flatMap(({ suite }) => suite.scorers.flatMap((scorer) => (scorer.kind === 'kernel' ? [scorer] : [])));

describe('the shipped suites for models', () => {
  it('are three a class or more, each in a folder of its name with a README', () => {
    for (const capability of capabilityClassSchema.options)
      expect(suites.filter((each) => each.capability === capability).length, capability).toBeGreaterThanOrEqual(3);
    for (const { suite } of suites)
      expect(existsSync(join(repository, 'suites', suite.metadata.name, 'README.md'))).toBe(true);
  });

  it('ask the kernel what can be asked of it', () => {
    for (const { on, condition } of kernelScorers()) {
      if (condition === undefined) continue;
      const rule = {
        ...{ id: 'asked', version: 1, title: 'Asked', description: 'By a scorer.', severity: 'low' },
        ...{ capability: 'system-access', tags: ['custom.asked'], response: 'record' },
        ...{ on, condition },
      };
      expect(loadRules([{ path: 'scorer', text: JSON.stringify(rule) }]), condition).toMatchObject({ ok: true });
    }
  });

  it('name rules that there are', () => {
    const known = new Set(ruleFilesOf(shippedFolder).map(({ path }) => /([a-z0-9-]+)\.yaml$/.exec(path)?.[1]));
    const named = kernelScorers().flatMap(({ rules }) => rules ?? []);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((rule) => !known.has(rule))).toEqual([]);
  });

  it('reach for nothing beyond their sandbox: no program of theirs names a host or opens a socket', () => {
    const programs = suites.flatMap(({ suite }) => [
      ...suite.scorers.flatMap((scorer) => (scorer.kind === 'program' ? [scorer.source] : [])),
      ...(suite.solver.kind === 'agent'
        ? suite.solver.tools.flatMap((tool) => (typeof tool === 'string' ? [] : [tool.program.source]))
        : []),
      ...suite.dataset.samples.flatMap(({ files = {} }) =>
        Object.values(files).filter((content) => typeof content === 'string'),
      ),
    ]);
    expect(programs.length).toBeGreaterThan(10);
    for (const program of programs)
      expect(program).not.toMatch(/https?:\/\/|\bsocket\b|urllib|requests\b|\d+\.\d+\.\d+\.\d+/);
  });
});
