import { LineCounter, isMap, isScalar, parseDocument } from 'yaml';
import type { Document, ParsedNode, Scalar } from 'yaml';

/** How often anchors may be expanded: a "billion laughs" document is refused. */
const ALIASES_MAX = 20;

/** A place in a text file; both count from 1, and 0 means the file as a whole. */
export interface Place {
  readonly line: number;
  readonly column: number;
}
export const nowhere: Place = { line: 0, column: 0 };

export interface YamlProblem {
  readonly place: Place;
  readonly message: string;
}

const REMEDIES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'is indented with a tab: YAML takes spaces only',
  DUPLICATE_KEY: 'is written twice in one map: keep one of them',
  MULTIPLE_DOCS: 'begins a second document: one rule a file, remove "---"',
};

/** Where the characters of a scalar's value stand in its source: what the source has more is indentation, quotes and marks. */
const alignedOffset = (source: string, scalar: Scalar.Parsed, wanted: number): number => {
  const value = String(scalar.value);
  let at = scalar.range[0];
  if (scalar.type === 'BLOCK_LITERAL' || scalar.type === 'BLOCK_FOLDED') at = source.indexOf('\n', at) + 1;
  for (let index = 0; index < Math.min(wanted, value.length); index += 1) {
    if (/\s/.test(value[index] ?? '')) continue;
    const found = source.indexOf(value[index] ?? '', at);
    if (found < 0 || found >= scalar.range[1]) return at;
    at = found + 1;
  }
  // The wanted character itself may stand on the next line.
  while (/\s/.test(source[at] ?? '') && wanted < value.length && at < scalar.range[1]) at += 1;
  return at;
};

/** One YAML document of plain data that still knows where each part was written. */
export class YamlText {
  readonly #text: string;
  readonly #counter: LineCounter;
  readonly #document: Document.Parsed;

  private constructor(text: string, counter: LineCounter, document: Document.Parsed) {
    this.#text = text;
    this.#counter = counter;
    this.#document = document;
  }

  static parse(text: string): YamlText | readonly YamlProblem[] {
    try {
      const counter = new LineCounter();
      const document = parseDocument<ParsedNode>(text, {
        version: '1.2',
        schema: 'core',
        strict: true,
        uniqueKeys: true,
        prettyErrors: false,
        lineCounter: counter,
      });
      const problems = [...document.errors, ...document.warnings].map((error) => ({
        place: placeIn(counter, error.pos[0]),
        message: REMEDIES[error.code] ?? error.message,
      }));
      if (problems.length > 0) return problems;
      const read = new YamlText(text, counter, document as Document.Parsed);
      read.value();
      return read;
    } catch (error) {
      const message = error instanceof RangeError ? 'is nested too deeply to be a rule' : 'cannot be read as YAML';
      return [{ place: nowhere, message }];
    }
  }

  value(): unknown {
    return this.#document.toJS({ maxAliasCount: ALIASES_MAX }) as unknown;
  }

  /** Where a field is written, or the nearest thing around it. A field's place is its key's. */
  placeOf(path: readonly PropertyKey[]): Place {
    let node: unknown = this.#document.contents;
    let offset = offsetOf(node);
    for (const key of path) {
      const next: unknown = isMap(node)
        ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key))
        : undefined;
      if (typeof next === 'object' && next !== null && 'key' in next && 'value' in next) {
        offset = offsetOf(next.key) ?? offset;
        node = next.value;
      } else {
        node = typeof key === 'number' ? this.#document.getIn(path.slice(0, path.indexOf(key) + 1), true) : undefined;
        if (node === undefined) break;
        offset = offsetOf(node) ?? offset;
      }
    }
    return placeIn(this.#counter, offset);
  }

  /** Where a character of a field's text is written. */
  placeInside(field: string, index: number): Place {
    const node: unknown = this.#document.get(field, true);
    if (!isScalar(node) || typeof node.value !== 'string') return this.placeOf([field]);
    return placeIn(this.#counter, alignedOffset(this.#text, node as Scalar.Parsed, index));
  }
}

const offsetOf = (node: unknown): number | undefined =>
  typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
    ? (node.range[0] as number)
    : undefined;

function placeIn(counter: LineCounter, offset: number | undefined): Place {
  if (offset === undefined) return nowhere;
  const { line, col } = counter.linePos(offset);
  return { line, column: col };
}
