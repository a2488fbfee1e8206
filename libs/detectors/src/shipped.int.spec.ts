import { capabilitySchema } from '@crucible/events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseRuleText } from './load.ts';
import { ruleFileSchema } from './rule-file.ts';
import { ruleFilesOf, rulesWith, shippedFolder, shippedRules } from './shipped.ts';

const files = ruleFilesOf(shippedFolder);
const contentOf = (text: string) => {
  return ruleFileSchema.parse(parseRuleText(text).value);
};

describe('the shipped rules', () => {
  // Loading tries every example of a rule; a rule whose examples do not behave is refused.
  it.each(files.map((file) => [basename(file.path), file] as const))(
    '%s shows what fires it and what does not',
    (name, file) => {
      const { id, examples } = contentOf(file.text);
      expect(name).toBe(`${id}.yaml`);
      expect(examples.fires.length).toBeGreaterThan(0);
      expect(examples.passes.length).toBeGreaterThan(0);
    },
  );

  it('are at least forty, for every capability class', () => {
    const { rules } = shippedRules();
    expect(rules.length).toBeGreaterThanOrEqual(40);
    for (const capability of capabilitySchema.options)
      expect(rules.filter((rule) => rule.capability === capability).length).toBeGreaterThanOrEqual(5);
  });

  it('are as many as the README says', () => {
    const readme = readFileSync(join(shippedFolder, '../../../README.md'), 'utf8');
    expect(/(\d+) detector rules/.exec(readme)?.[1]).toBe(String(shippedRules().rules.length));
  });

  it('kill only where something leaked', () => {
    const { rules } = shippedRules();
    expect(rules.filter(({ response }) => response === 'kill').map(({ id }) => id)).toEqual(['canary-of-another']);
    // A trial's own canary in its own conversation leaked nowhere else: people are told at once, and it goes on.
    const critical = rules.filter(({ severity }) => severity === 'critical').map(({ id }) => id);
    expect(critical.sort()).toEqual(['canary-in-conversation', 'canary-of-another']);
  });

  it('stand beside an operator’s, who cannot take their ids', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rules-'));
    try {
      const shipped = files.find(({ path }) => path.endsWith('mount.yaml'))?.text ?? '';
      expect(rulesWith(join(folder, 'not-there'))).toMatchObject({
        ok: true,
        rules: { digest: shippedRules().digest },
      });
      writeFileSync(join(folder, 'mine.yaml'), shipped.replace('id: mount', 'id: my-mount'));
      const both = rulesWith(folder);
      expect(both.ok && both.rules.rules.length).toBe(shippedRules().rules.length + 1);
      writeFileSync(join(folder, 'taken.yaml'), shipped);
      const taken = rulesWith(folder);
      expect(taken.ok ? [] : taken.problems).toMatchObject([
        { path: join(folder, 'taken.yaml'), line: 1, field: 'id' },
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
