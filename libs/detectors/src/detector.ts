import { pointOf, summaryOf } from './describe.ts';
import type { Match, Rule, TrialDetector } from './rule.ts';
import type { CompiledRule, CompiledRules } from './rule-set.ts';
import type { TypedEvent } from './typed-event.ts';

const POINTS_MAX = 10;
/** Characters of a trial's output that are judged whole; of what comes after, one piece in so many. */
const OUTPUT_CHARS_MAX = 1_048_576;
const OUTPUT_SAMPLED_IN = 16;

interface Seen {
  readonly event: TypedEvent;
  readonly from: number;
}

/** One rule's memory of one trial. */
class RuleState {
  readonly #rule: Rule;
  /** Times of the last holds, oldest first; no more than the threshold asks for. */
  readonly #times: number[] = [];
  #seen: Seen[] = [];
  #count = 0;
  #quietUntil = Number.NEGATIVE_INFINITY;

  constructor(rule: Rule) {
    this.#rule = rule;
  }

  held(event: TypedEvent, from: number): Match | null {
    this.#count += 1;
    this.#seen.push({ event, from });
    if (this.#seen.length > POINTS_MAX) this.#seen.shift();
    if (!this.#reached(event.at) || event.at < this.#quietUntil) return null;
    return this.#told(event, from);
  }

  #reached(at: number): boolean {
    const { threshold } = this.#rule;
    if (threshold === null) return true;
    this.#times.push(at);
    if (this.#times.length > threshold.count) this.#times.shift();
    const first = this.#times[0];
    return this.#times.length === threshold.count && first !== undefined && at - first <= threshold.withinMs;
  }

  #told(event: TypedEvent, from: number): Match {
    const match: Match = {
      rule: this.#rule,
      count: this.#count,
      points: this.#seen.map((seen) => pointOf(seen.event, seen.from)),
      summary: summaryOf(this.#rule.summary, event, from),
    };
    this.#quietUntil = event.at + this.#rule.windowMs;
    this.#times.length = 0;
    this.#seen = [];
    this.#count = 0;
    return match;
  }
}

/** Watches one trial by a set of rules. Memory is bounded by the rules, whatever the trial does. */
export class Detector implements TrialDetector {
  readonly #rules: CompiledRules;
  readonly #states = new Map<string, RuleState>();
  #outputChars = 0;
  #outputPieces = 0;

  constructor(rules: CompiledRules) {
    this.#rules = rules;
  }

  take(event: TypedEvent): Match[] {
    if (event.kind === 'output' && this.#passed(event.text.length)) return [];
    const holding = this.#rules.holding(event);
    if (holding.length === 0) return [];
    return holding.flatMap((compiled) => this.#held(compiled, event) ?? []);
  }

  /** A flood of output costs no more than its first part and a sample of the rest. */
  #passed(chars: number): boolean {
    this.#outputChars += chars;
    if (this.#outputChars <= OUTPUT_CHARS_MAX) return false;
    this.#outputPieces += 1;
    return this.#outputPieces % OUTPUT_SAMPLED_IN !== 0;
  }

  #held({ rule, conditions }: CompiledRule, event: TypedEvent): Match | null {
    let state = this.#states.get(rule.id);
    if (state === undefined) {
      state = new RuleState(rule);
      this.#states.set(rule.id, state);
    }
    const from = event.kind === 'output' ? (conditions.get(event.kind)?.find(event.text) ?? 0) : 0;
    return state.held(event, from);
  }
}
