import { LineCounter, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, ParsedNode } from 'yaml';

/** How often anchors may be expanded: a "billion laughs" document is refused. */
const ALIASES_MAX = 20;

/** A place in a text file; both count from 1, and 0 means the file as a whole. */
export interface Place {
  readonly line: number;
  readonly column: number;
}
export const nowhere: Place = { line: 0, column: 0 };

/** One YAML document that still knows where each part was written, or what is wrong with it. */
export interface YamlText {
  readonly value: unknown;
  readonly problems: readonly { readonly place: Place; readonly message: string }[];
  /** Where a field is written, or the nearest thing around it. A field's place is its key's. */
  readonly placeOf: (path: readonly (string | number)[]) => Place;
}

/** The parser's complaint with the way out, where its own words do not say it. */
const remedies: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'is indented with a tab: YAML takes spaces only',
  DUPLICATE_KEY: 'is written twice in one map: keep one of them',
  MULTIPLE_DOCS: 'begins a second document: remove "---"',
};

const failed = (message: string): YamlText => ({
  value: undefined,
  problems: [{ place: nowhere, message }],
  placeOf: () => nowhere,
});

const placeIn = (counter: LineCounter, offset: number | undefined): Place => {
  if (offset === undefined) return nowhere;
  const { line, col } = counter.linePos(offset);
  return { line, column: col };
};

const offsetOf = (node: unknown): number | undefined =>
  typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
    ? (node.range[0] as number)
    : undefined;

const findOffset = (document: Document.Parsed, path: readonly (string | number)[]): number | undefined => {
  let node: unknown = document.contents;
  let offset = offsetOf(node);
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined) break;
      offset = offsetOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof key === 'number' && node.items[key] !== undefined) {
      node = node.items[key];
      offset = offsetOf(node) ?? offset;
    } else break;
  }
  return offset;
};

const understood = (text: string): YamlText => {
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
    message: remedies[error.code] ?? error.message,
  }));
  if (problems.length > 0) return { value: undefined, problems, placeOf: () => nowhere };
  return {
    value: document.toJS({ maxAliasCount: ALIASES_MAX }) as unknown,
    problems,
    placeOf: (path) => placeIn(counter, findOffset(document as Document.Parsed, path)),
  };
};

/** Whatever the text is, the answer is a value or problems with their places. */
export const parseYaml = (text: string): YamlText => {
  try {
    return understood(text);
  } catch (error) {
    if (error instanceof RangeError) return failed('is nested too deeply');
    if (error instanceof ReferenceError) return failed(`uses its anchors more than ${ALIASES_MAX} times`);
    return failed('cannot be read as YAML');
  }
};
