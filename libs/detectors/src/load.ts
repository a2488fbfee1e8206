import { displayableLine } from '@crucible/events';
import { nowhere, parseYaml } from '@crucible/placed-text';
import type { Place, PlacedYaml } from '@crucible/placed-text';
import type { z } from 'zod';
import { ConditionError, compileCondition, fieldTypes, subjectOf } from './cel.ts';
import type { Condition } from './cel.ts';
import { placesOf } from './describe.ts';
import type { LoadedRules, Rule, RuleFile, RuleProblem } from './rule.ts';
import { ruleBounds, ruleFileSchema } from './rule-file.ts';
import type { RuleFileContent } from './rule-file.ts';
import { CompiledRules, sha256 } from './rule-set.ts';
import type { CompiledRule } from './rule-set.ts';
import type { EventKind } from './typed-event.ts';

/** Loaded rules, ready to be given to a `Detector`. */
export type Loaded = { readonly ok: true; readonly rules: CompiledRules } | (LoadedRules & { readonly ok: false });

/** A rule's text, which is one document a file. */
export const parseRuleText = (text: string): PlacedYaml =>
  parseYaml(text, { what: 'a rule', anchorsMax: 20, insteadOfAnchors: 'write the values out' });

type Conditions = ReadonlyMap<EventKind, Condition>;

/** One file on its way to be a rule. */
class Draft {
  readonly problems: RuleProblem[] = [];
  readonly #file: RuleFile;

  constructor(file: RuleFile) {
    this.#file = file;
  }

  report(place: Place, field: string, message: string): void {
    this.problems.push({ path: this.#file.path, ...place, field, message: displayableLine(message, 400) });
  }

  read(): CompiledRule | null {
    const bytes = Buffer.byteLength(this.#file.text);
    if (bytes > ruleBounds.fileBytesMax) {
      this.report(nowhere, '', `is ${bytes} bytes, at most ${ruleBounds.fileBytesMax}`);
      return null;
    }
    const yaml = parseRuleText(this.#file.text);
    if (yaml.problems.length > 0) {
      yaml.problems.forEach(({ place, message }) => this.report(place, '', message));
      return null;
    }
    const content = ruleFileSchema.safeParse(yaml.value);
    if (!content.success) {
      content.error.issues.forEach((issue) => this.#issue(yaml, issue));
      return null;
    }
    return this.#compiled(yaml, content.data);
  }

  #compiled(yaml: PlacedYaml, content: RuleFileContent): CompiledRule | null {
    const conditions = this.#conditions(yaml, content);
    if (conditions === null) return null;
    this.#template(yaml, content);
    this.#examples(yaml, content, conditions);
    return this.problems.length > 0 ? null : { rule: this.#rule(content), conditions };
  }

  /** The condition is checked against the fields of each kind that it is for. */
  #conditions(yaml: PlacedYaml, { on, condition }: RuleFileContent): Conditions | null {
    const conditions = new Map<EventKind, Condition>();
    for (const kind of on) {
      try {
        conditions.set(kind, compileCondition(condition, kind));
      } catch (error) {
        const offset = error instanceof ConditionError ? error.offset : 0;
        const message = error instanceof Error ? error.message : String(error);
        this.report(yaml.placeInside('condition', offset), 'condition', `${message}${this.#hint(kind, message)}`);
        return null;
      }
    }
    return conditions;
  }

  #hint(kind: EventKind, message: string): string {
    if (!message.startsWith('No such key')) return ` (on ${kind})`;
    return `; ${kind} has ${Object.keys(fieldTypes(kind)).join(', ')}`;
  }

  #template(yaml: PlacedYaml, { on, summary }: RuleFileContent): void {
    if (summary === undefined) return;
    for (const name of placesOf(summary)) {
      const without = on.find((kind) => !(name in fieldTypes(kind)));
      if (without !== undefined)
        this.report(yaml.placeOf(['summary']), 'summary', `{${name}} is no field of ${without}`);
    }
  }

  #examples(yaml: PlacedYaml, { examples }: RuleFileContent, conditions: Conditions): void {
    for (const side of ['fires', 'passes'] as const) {
      examples[side].forEach((event, index) => {
        const condition = conditions.get(event.kind);
        const at = ['examples', side, index];
        if (condition === undefined) {
          this.report(yaml.placeOf(at), `examples.${side}[${index}]`, `is ${event.kind}, which this rule is not for`);
        } else if (holds(condition, event) !== (side === 'fires')) {
          const said = side === 'fires' ? 'does not hold for it' : 'holds for it';
          this.report(yaml.placeOf(at), `examples.${side}[${index}]`, `the condition ${said}`);
        }
      });
    }
  }

  #rule(content: RuleFileContent): Rule {
    const { threshold, window, summary, examples: _tried, ...stated } = content;
    return {
      ...stated,
      threshold: threshold ? { count: threshold.count, withinMs: threshold.within } : null,
      windowMs: window,
      summary: summary ?? null,
      digest: sha256(this.#file.text),
      path: this.#file.path,
    };
  }

  #issue(yaml: PlacedYaml, issue: z.core.$ZodIssue): void {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        const path = [...issue.path, key];
        this.report(yaml.placeOf(path), fieldName(path), 'is no field of a rule');
      }
      return;
    }
    const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
    this.report(yaml.placeOf(issue.path), fieldName(issue.path), missing ? 'is missing' : issue.message);
  }
}

const holds = (condition: Condition, event: Parameters<typeof subjectOf>[0]): boolean => {
  try {
    return condition.holds(subjectOf(event));
  } catch {
    return false;
  }
};

const fieldName = (path: readonly PropertyKey[]): string =>
  path.map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index > 0 ? '.' : ''}${String(key)}`)).join('');

/**
 * Reads rules, one a file. All of them or none: a rule that was meant to watch and does not would go unnoticed.
 * Pure; bounded by `ruleBounds`.
 */
export const loadRules = (files: readonly RuleFile[]): Loaded => {
  const problems: RuleProblem[] = [];
  const byId = new Map<string, CompiledRule>();
  if (files.length > ruleBounds.rulesMax) {
    const message = `are ${files.length} rules, at most ${ruleBounds.rulesMax}`;
    return { ok: false, problems: [{ path: '', ...nowhere, field: '', message }] };
  }
  for (const file of files) {
    const draft = new Draft(file);
    const compiled = draft.read();
    const same = compiled === null ? undefined : byId.get(compiled.rule.id);
    if (compiled !== null && same !== undefined) {
      draft.report(
        parseRuleText(file.text).placeOf(['id']),
        'id',
        `"${compiled.rule.id}" is taken by ${same.rule.path}`,
      );
    } else if (compiled !== null) byId.set(compiled.rule.id, compiled);
    problems.push(...draft.problems);
  }
  if (problems.length > 0) return { ok: false, problems: problems.slice(0, ruleBounds.problemsMax) };
  return { ok: true, rules: new CompiledRules([...byId.values()]) };
};
