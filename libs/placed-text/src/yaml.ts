import { LineCounter, isMap, isPair, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, ParsedNode, Scalar } from 'yaml';
import { nowhere } from './place.ts';
import type { Place, Placed } from './place.ts';

/** What a text is to be, for the words in which its mistakes are told. */
export interface YamlKind {
  /** Such as `a suite`. */
  readonly what: string;
  /** How often anchors may be expanded. Sharing a text is fine; a "billion laughs" document is not. */
  readonly anchorsMax: number;
  /** What to do instead of using more anchors. */
  readonly insteadOfAnchors: string;
  /** What is wrong with a text that says nothing; without it, that is a value like others. */
  readonly empty?: string;
}

/** YAML that still knows where each of its parts was written. */
export interface PlacedYaml extends Placed {
  /** Where a character of the text of a field of the outermost map is written. */
  readonly placeInside: (field: string, index: number) => Place;
}

const failed = (message: string, place: Place = nowhere): PlacedYaml => ({
  value: undefined,
  problems: [{ place, message }],
  placeOf: () => nowhere,
  placeInside: () => nowhere,
});

/** The parser's complaint with the way out, where its own words do not say it. */
const complaint = (code: string, message: string, { what }: YamlKind): string => {
  switch (code) {
    case 'TAB_AS_INDENT':
      return 'is indented with a tab: YAML takes spaces only';
    case 'DUPLICATE_KEY':
      return 'is written twice in one map: keep one of them';
    case 'MULTIPLE_DOCS':
      return `begins a second document: ${what} is one document, remove "---"`;
    default:
      return message;
  }
};

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
const findOffset = (document: Document.Parsed, path: readonly PropertyKey[]): number | undefined => {
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
  return offset;
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

const understood = (text: string, kind: YamlKind): PlacedYaml => {
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
  const problems = [...document.errors, ...document.warnings].map(({ pos, code, message }) => ({
    place: placeIn(counter, pos[0]),
    message: complaint(code, message, kind),
  }));
  if (problems.length > 0) return { ...failed(''), problems };
  if (document.contents === null && kind.empty !== undefined) return failed(kind.empty);
  const parsed = document as Document.Parsed;
  const placeOf = (path: readonly PropertyKey[]): Place => placeIn(counter, findOffset(parsed, path));
  return {
    value: document.toJS({ maxAliasCount: kind.anchorsMax }) as unknown,
    problems,
    placeOf,
    placeInside: (field, index) => {
      const node: unknown = parsed.get(field, true);
      if (!isScalar(node) || typeof node.value !== 'string') return placeOf([field]);
      return placeIn(counter, alignedOffset(text, node as Scalar.Parsed, index));
    },
  };
};

/** YAML 1.2 that is one document of plain data. Whatever the text is, the answer is a value or problems with their places. */
export const parseYaml = (text: string, kind: YamlKind): PlacedYaml => {
  try {
    return understood(text, kind);
  } catch (error) {
    if (error instanceof RangeError) return failed(`is nested too deeply to be ${kind.what}`);
    if (error instanceof ReferenceError)
      return failed(`uses its anchors more than ${kind.anchorsMax} times: ${kind.insteadOfAnchors}`);
    return failed('cannot be read as YAML');
  }
};
