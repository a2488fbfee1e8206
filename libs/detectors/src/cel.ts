import { Environment } from '@marcbachmann/cel-js';
import type { ASTNode } from '@marcbachmann/cel-js';
import { z } from 'zod';
import { neededNames } from './needed-names.ts';
import type { Names } from './needed-names.ts';
import { compilePattern } from './pattern.ts';
import type { Pattern } from './pattern.ts';
import { eventFields } from './typed-event.ts';
import type { EventKind, TypedEvent } from './typed-event.ts';

/** Characters of one condition. Nothing in CEL loops without a list, so its cost is bounded by its length and its event's. */
export const CONDITION_CHARS_MAX = 4_000;
/** Macros over lists may stand in one another only so deep: each level multiplies the cost by a list's length. */
const LOOPS_DEEP_MAX = 1;
const LIMITS = { maxAstNodes: 500, maxDepth: 40, maxListElements: 100, maxMapEntries: 1, maxCallArguments: 4 };

/** Everything a condition may call. What makes texts or lists is not among it: evaluation allocates nothing to speak of. */
const METHODS: ReadonlySet<string> = new Set([
  'contains',
  'containsAny',
  'mentions',
  'startsWith',
  'endsWith',
  'matches',
  'under',
  'hasBits',
  'size',
  'exists',
  'all',
  'exists_one',
]);
const FUNCTIONS: ReadonlySet<string> = new Set(['size', 'double']);
const LOOPS: ReadonlySet<string> = new Set(['exists', 'all', 'exists_one']);

/** A mistake in a condition, with its offset in the text. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError';
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** A condition made ready for one kind of event. */
export interface Condition {
  /** Fields of the event that it looks at. */
  readonly fields: ReadonlySet<string>;
  /** It cannot hold for an event of another name. */
  readonly names: Names;
  /** Where in an output's text the condition found something; 0 where it looks for nothing that could be found. */
  readonly find: (text: string) => number;
  /** @throws when it has no value for this event, such as an index beyond a list's end. */
  readonly holds: (subject: object) => boolean;
}

const patterns = new Map<string, Pattern>();
const patternOf = (source: string): Pattern => {
  const known = patterns.get(source);
  if (known !== undefined) return known;
  const pattern = compilePattern(source);
  patterns.set(source, pattern);
  return pattern;
};

const under = (path: string, folder: string): boolean =>
  path.startsWith(folder) && (path.length === folder.length || path[folder.length] === '/' || folder.endsWith('/'));

/** Whether one of the words, given in lower case, stands in the text in whatever case. */
const mentions = (text: string, words: readonly string[]): boolean => {
  const lower = text.toLowerCase();
  return words.some((word) => lower.includes(word));
};

/** `matches` of a condition is renamed to this: the library's own is JavaScript's engine and cannot be replaced. */
const LINEAR_MATCHES = 'matchesInLinearTime';

const base = new Environment({ limits: LIMITS })
  .registerFunction(`string.${LINEAR_MATCHES}(string): bool`, (text: string, source: string) =>
    patternOf(source).test(text),
  )
  .registerFunction('string.containsAny(list<string>): bool', (text: string, parts: readonly string[]) =>
    parts.some((part) => text.includes(part)),
  )
  .registerFunction('string.mentions(list<string>): bool', mentions)
  .registerFunction('string.under(string): bool', under)
  .registerFunction('int.hasBits(int): bool', (value: bigint, bits: bigint) => (value & bits) !== 0n);

const celType = (schema: z.core.$ZodType): string => {
  if (schema instanceof z.ZodDefault) return celType(schema.unwrap());
  if (schema instanceof z.ZodArray) return `list<${celType(schema.element)}>`;
  if (schema instanceof z.ZodBoolean) return 'bool';
  if (schema instanceof z.ZodNumberFormat) return 'int';
  if (schema instanceof z.ZodNumber) return 'double';
  return 'string';
};

/** Field names and CEL types of one kind, and the class by which the library knows its events. */
class KindType {
  readonly types: Readonly<Record<string, string>>;
  readonly environment: Environment;
  readonly #Subject = class Subject {};
  readonly #names: readonly string[];

  constructor(kind: EventKind) {
    this.types = Object.fromEntries(Object.entries(eventFields[kind]).map(([name, type]) => [name, celType(type)]));
    this.#names = Object.keys(this.types);
    this.environment = base
      .clone()
      .registerType(`event.${kind}`, { ctor: this.#Subject, fields: this.types })
      .registerVariable('event', `event.${kind}`);
  }

  /** The event as conditions see it: whole numbers are CEL's 64-bit ones. */
  subject(event: TypedEvent): object {
    const subject = new this.#Subject() as Record<string, unknown>;
    for (const name of this.#names) {
      const value = (event as unknown as Record<string, unknown>)[name];
      const type = this.types[name];
      if (type === 'int') subject[name] = BigInt(value as number);
      else if (type === 'list<int>') subject[name] = (value as readonly number[]).map(BigInt);
      else subject[name] = value;
    }
    return subject;
  }
}

const kindTypes = new Map<EventKind, KindType>();
const kindType = (kind: EventKind): KindType => {
  const known = kindTypes.get(kind);
  if (known !== undefined) return known;
  const made = new KindType(kind);
  kindTypes.set(kind, made);
  return made;
};

export const subjectOf = (event: TypedEvent): object => kindType(event.kind).subject(event);

/** CEL type of each field of a kind, such as `list<string>`. */
export const fieldTypes = (kind: EventKind): Readonly<Record<string, string>> => kindType(kind).types;

const isNode = (value: unknown): value is ASTNode =>
  typeof value === 'object' && value !== null && 'op' in value && 'args' in value;

const childrenOf = (value: unknown): ASTNode[] => {
  if (isNode(value)) return [value];
  return Array.isArray(value) ? value.flatMap(childrenOf) : [];
};

/** Refuses what is not allowed, has patterns compiled and `matches` made linear, and notes the fields that are used. */
class Inspection {
  readonly fields = new Set<string>();
  readonly clues: ((text: string) => number)[] = [];

  find(text: string): number {
    for (const clue of this.clues) {
      const found = clue(text);
      if (found >= 0) return found;
    }
    return 0;
  }

  visit(node: ASTNode, loopsDeep = 0): void {
    let deep = loopsDeep;
    const args = node.args as unknown;
    if (node.op === 'call') this.#allow(node, String((args as unknown[])[0]), FUNCTIONS);
    if (node.op === 'rcall') {
      const call = args as [string, ASTNode, ASTNode[]];
      this.#allow(node, call[0], METHODS);
      if (LOOPS.has(call[0])) deep += 1;
      if (deep > LOOPS_DEEP_MAX) throw new ConditionError(`${call[0]} inside another loop over a list`, node.pos);
      if (call[0] === 'matches') this.#linear(call);
      if (call[0] === 'contains') this.#literals(call[2]);
      if (call[0] === 'containsAny') this.#literals(childrenOf(call[2].map(({ args: list }) => list as unknown)));
    }
    if (node.op === 'id' && args === 'event') throw new ConditionError('write a field, such as event.pid', node.pos);
    if (node.op === '.' && this.#field(args as [unknown, string])) return;
    childrenOf(args).forEach((child) => this.visit(child, deep));
  }

  #allow(node: ASTNode, name: string, allowed: ReadonlySet<string>): void {
    if (!allowed.has(name)) {
      throw new ConditionError(`${name}() is not for conditions; there are ${[...allowed].join(', ')}`, node.pos);
    }
  }

  /** The pattern has to be written out, so that a wrong or costly one is refused when the rule is loaded. */
  #linear(call: [string, ASTNode, ASTNode[]]): void {
    const pattern = call[2][0];
    if (call[2].length !== 1 || pattern === undefined) return;
    if (pattern.op !== 'value' || typeof pattern.args !== 'string')
      throw new ConditionError('matches() takes a pattern that is written out', pattern.pos);
    try {
      // Patterns before words: a word is often only there to spare the pattern most texts.
      this.clues.unshift(patternOf(pattern.args).find);
    } catch (error) {
      throw new ConditionError(error instanceof Error ? error.message : 'not a pattern', pattern.pos);
    }
    call[0] = LINEAR_MATCHES;
  }

  #literals(nodes: readonly ASTNode[]): void {
    for (const { op, args } of nodes) {
      if (op === 'value' && typeof args === 'string') this.clues.push((text) => text.indexOf(args));
    }
  }

  /** @returns whether it is a field of the event itself. */
  #field([of, name]: [unknown, string]): boolean {
    const ofEvent = isNode(of) && of.op === 'id' && (of.args as unknown) === 'event';
    if (ofEvent) this.fields.add(name);
    return ofEvent;
  }
}

const located = (error: unknown): ConditionError => {
  if (error instanceof ConditionError) return error;
  const { summary, range, message } = error as { summary?: string; range?: { start: number }; message?: string };
  return new ConditionError(summary ?? message ?? 'not understood', range?.start ?? 0);
};

/**
 * Parses a condition and checks its types for one kind of event.
 * @throws ConditionError
 */
export const compileCondition = (source: string, kind: EventKind): Condition => {
  if (source.length > CONDITION_CHARS_MAX)
    throw new ConditionError(`is ${source.length} characters long, at most ${CONDITION_CHARS_MAX}`, 0);
  try {
    const parsed = kindType(kind).environment.parse(source);
    const inspection = new Inspection();
    inspection.visit(parsed.ast);
    const checked = parsed.check();
    if (!checked.valid) throw checked.error ?? new Error('not valid');
    if (checked.type !== 'bool')
      throw new ConditionError(`gives ${checked.type ?? 'something else'}, and has to be true or false`, 0);
    return {
      fields: inspection.fields,
      names: neededNames(parsed.ast),
      find: (text) => inspection.find(text),
      holds: (subject) => parsed({ event: subject }) === true,
    };
  } catch (error) {
    throw located(error);
  }
};
