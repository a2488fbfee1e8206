import { createHash } from 'node:crypto';
import type { Condition } from './cel.ts';
import { subjectOf } from './cel.ts';
import type { Rule, RuleSet } from './rule.ts';
import type { EventKind, TypedEvent } from './typed-event.ts';

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export interface CompiledRule {
  readonly rule: Rule;
  readonly conditions: ReadonlyMap<EventKind, Condition>;
}

const ANSWERS_MAX = 8_192;
const KEY_CHARS_MAX = 512;
const NONE: readonly CompiledRule[] = [];

type Judging = readonly [CompiledRule, Condition];

/** The rules for one kind of event, and what they said of events that looked the same to them. */
class KindRules {
  readonly #rules: readonly Judging[];
  /** Those that ask for certain names, by name; and those that may hold for any. */
  readonly #named = new Map<string, readonly Judging[]>();
  readonly #unnamed: readonly Judging[];
  readonly #fields: readonly string[];
  readonly #answers = new Map<string, readonly CompiledRule[]>();
  readonly #remembers: boolean;
  #faults = 0;

  constructor(kind: EventKind, rules: readonly CompiledRule[]) {
    this.#rules = rules.flatMap((rule) => {
      const condition = rule.conditions.get(kind);
      return condition === undefined ? [] : [[rule, condition] as const];
    });
    this.#unnamed = this.#rules.filter(([, { names }]) => names === null);
    for (const name of new Set(this.#rules.flatMap(([, { names }]) => [...(names ?? [])])))
      this.#named.set(
        name,
        this.#rules.filter(([, { names }]) => names === null || names.has(name)),
      );
    this.#fields = [...new Set(this.#rules.flatMap(([, { fields }]) => [...fields]))].sort();
    this.#remembers = kind.startsWith('kernel.');
  }

  get faults(): number {
    return this.#faults;
  }

  /** Rules whose condition holds for the event. */
  holding(event: TypedEvent): readonly CompiledRule[] {
    const rules = this.#mayHold(event);
    if (rules.length === 0) return NONE;
    const key = this.#remembers ? this.#key(event) : null;
    if (key === null) return this.#judge(event, rules);
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const answer = this.#judge(event, rules);
    this.#answers.set(key, answer);
    if (this.#answers.size > ANSWERS_MAX) this.#answers.delete(this.#answers.keys().next().value as string);
    return answer;
  }

  /** Equal keys look equal to every rule; null: too long to be worth keeping. */
  #key(event: TypedEvent): string | null {
    const fields = event as unknown as Readonly<Record<string, unknown>>;
    const key = JSON.stringify(this.#fields.map((name) => fields[name]));
    return key.length > KEY_CHARS_MAX ? null : key;
  }

  #mayHold(event: TypedEvent): readonly Judging[] {
    return ('name' in event ? this.#named.get(event.name) : undefined) ?? this.#unnamed;
  }

  #judge(event: TypedEvent, rules: readonly Judging[]): readonly CompiledRule[] {
    const subject = subjectOf(event);
    const holding = rules.filter(([, condition]) => {
      try {
        return condition.holds(subject);
      } catch {
        this.#faults += 1;
        return false;
      }
    });
    return holding.length === 0 ? NONE : holding.map(([rule]) => rule);
  }
}

/**
 * Rules made ready to judge. Conditions have no state, so one set serves all trials of a process, and what one trial's
 * start was answered serves the next one's.
 */
export class CompiledRules implements RuleSet {
  readonly rules: readonly Rule[];
  readonly digest: string;
  readonly compiled: readonly CompiledRule[];
  readonly #kinds = new Map<EventKind, KindRules>();

  constructor(compiled: readonly CompiledRule[]) {
    this.compiled = compiled.toSorted((a, b) => (a.rule.id < b.rule.id ? -1 : 1));
    this.rules = this.compiled.map(({ rule }) => rule);
    this.digest = sha256(
      this.rules
        .map(({ digest }) => digest)
        .sort()
        .join('\n'),
    );
  }

  /** How often a condition had no value, such as an index beyond a list's end; it then did not hold. */
  get faults(): number {
    return [...this.#kinds.values()].reduce((sum, { faults }) => sum + faults, 0);
  }

  holding(event: TypedEvent): readonly CompiledRule[] {
    let kind = this.#kinds.get(event.kind);
    if (kind === undefined) {
      kind = new KindRules(event.kind, this.compiled);
      this.#kinds.set(event.kind, kind);
    }
    return kind.holding(event);
  }
}
