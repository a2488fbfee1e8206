import { LineCounter, isMap, isPair, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, ParsedNode, YAMLError } from 'yaml';
import { nowhere } from './place.ts';
import type { Place, Placed } from './place.ts';

/** How often anchors may be expanded. Sharing a text is fine; a "billion laughs" document is not. */
const ALIASES_MAX = 100;

const failed = (message: string, place: Place = nowhere): Placed => ({
  value: undefined,
  problems: [{ place, message }],
  placeOf: () => nowhere,
});

/** The parser's complaint with the way out, where its own words do not say it. */
const remedies: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'is indented with a tab: YAML takes spaces only',
  DUPLICATE_KEY: 'is written twice in one map: keep one of them',
  MULTIPLE_DOCS: 'begins a second document: a suite is one document, remove "---"',
};

const complaint = (error: YAMLError): string => remedies[error.code] ?? error.message;

const placeIn = (counter: LineCounter, offset: number | undefined): Place => {
  if (offset === undefined) return nowhere;
  const { line, col } = counter.linePos(offset);
  return { line, column: col };
};

const offsetOf = (node: unknown): number | undefined =>
  typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
    ? (node.range[0] as number)
    : undefined;

/** Follows a path as deep as the document has it. A key is where its field is, so a key's place is taken before its value's. */
const findPlace = (document: Document.Parsed, counter: LineCounter, path: readonly (string | number)[]): Place => {
  let node: unknown = document.contents;
  let offset = offsetOf(node);
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key),
      );
      if (pair === undefined) break;
      offset = offsetOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof key === 'number' && node.items[key] !== undefined) {
      node = node.items[key];
      offset = offsetOf(node) ?? offset;
    } else break;
  }
  return placeIn(counter, offset);
};

const understood = (text: string): Placed => {
  const counter = new LineCounter();
  const document = parseDocument<ParsedNode>(text, {
    version: '1.2',
    schema: 'core',
    strict: true,
    uniqueKeys: true,
    prettyErrors: false,
    lineCounter: counter,
  });
  // A warning is an unknown tag or the like: something the author meant and would not get.
  const problems = [...document.errors, ...document.warnings].map((error) => ({
    place: placeIn(counter, error.pos[0]),
    message: complaint(error),
  }));
  if (problems.length > 0) return { value: undefined, problems, placeOf: () => nowhere };
  if (document.contents === null) return failed('is empty: a suite begins with "apiVersion: crucible/v1"');
  return {
    value: document.toJS({ maxAliasCount: ALIASES_MAX }) as unknown,
    problems,
    placeOf: (path) => findPlace(document as Document.Parsed, counter, path),
  };
};

/** YAML 1.2 that is one document of plain data. Whatever the text is, the answer is a value or problems with their places. */
export const parseYaml = (text: string): Placed => {
  try {
    return understood(text);
  } catch (error) {
    if (error instanceof RangeError) return failed('is nested too deeply to be a suite');
    if (error instanceof ReferenceError)
      return failed(
        `uses its anchors more than ${ALIASES_MAX} times: write the text out, or put the samples into a JSONL file`,
      );
    return failed(error instanceof Error ? error.message : 'cannot be read as YAML');
  }
};
