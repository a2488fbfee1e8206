import type { Capability, EvidencePoint, Response, Severity } from '@crucible/events';
import type { EventKind, TypedEvent } from './typed-event.ts';

/** A rule as its file states it, read and checked. */
export interface Rule {
  readonly id: string;
  readonly version: number;
  readonly title: string;
  readonly description: string;
  readonly severity: Severity;
  readonly capability: Capability;
  /** MITRE techniques, such as `attack.t1611` or `atlas.aml.t0025`. */
  readonly tags: readonly string[];
  readonly response: Response;
  readonly on: readonly EventKind[];
  /** CEL over `event`. */
  readonly condition: string;
  /** The condition has to hold so often in so short a time; absent: once. */
  readonly threshold: { readonly count: number; readonly withinMs: number } | null;
  /** After a match the rule is counted, not told again, for so long. */
  readonly windowMs: number;
  /** Text with `{field}` places; null: one is made from the event. */
  readonly summary: string | null;
  /** SHA-256 of the file, hexadecimal. */
  readonly digest: string;
  /** Where it was read from, as the caller named it. */
  readonly path: string;
}

/** A rule that held, to be raised as an alert. */
export interface Match {
  readonly rule: Rule;
  /** How often the rule held since it was last told, this time included. */
  readonly count: number;
  /** What it rests on: at most 10, the newest last. */
  readonly points: readonly EvidencePoint[];
  /** One displayable line of at most 300 characters. */
  readonly summary: string;
}

/** One mistake in a rule's file. `line` and `column` count from 1; 0 where the whole file is meant. */
export interface RuleProblem {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  /** Such as `threshold.count`; empty where no field is meant. */
  readonly field: string;
  readonly message: string;
}
export interface RuleFile {
  readonly path: string;
  readonly text: string;
}

/** Rules that are in force together, sorted by id. */
export interface RuleSet {
  readonly rules: readonly Rule[];
  /** SHA-256 over the digests of all rules, sorted, as `executor.rules-loaded` tells it. */
  readonly digest: string;
}
export type LoadedRules =
  { readonly ok: true; readonly rules: RuleSet } | { readonly ok: false; readonly problems: readonly RuleProblem[] };

/** Watches one trial. */
export interface TrialDetector {
  /** Judges one event by every rule that is for its kind. At most one match per rule and window; never throws. */
  take(event: TypedEvent): Match[];
}
