import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import { displayableLine } from '@crucible/events';
import { platformMaxima } from '@crucible/suite';
import { misuse } from '../failure.ts';
import { CsvFault, csvRows } from './csv.ts';

/** One entry of a dataset, and how a person finds it. */
export interface DatasetRecord {
  /** Such as `line 12` or `entry 3`. */
  readonly where: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const BYTES_MAX = platformMaxima.suiteBytes;

const readText = async (path: string): Promise<string> => {
  const shown = displayableLine(path, 200);
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > BYTES_MAX) throw misuse(`${shown} has ${size} bytes, at most ${BYTES_MAX}`);
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof TypeError) throw misuse(`${shown} is not UTF-8 text`, 'save it as UTF-8');
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    if (code === 'ENOENT') throw misuse(`there is no file ${shown}`);
    if (code === 'EISDIR') throw misuse(`${shown} is a folder: name the file in it`);
    throw code === undefined ? error : misuse(`${shown} cannot be read (${code})`);
  }
};

const parsed = (text: string, where: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw misuse(`${where} is not JSON`);
  }
};

const recordOf = (value: unknown, where: string): DatasetRecord => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return { where, fields: value as Record<string, unknown> };
  throw misuse(`${where} is no JSON object`);
};

const jsonLines = (text: string): DatasetRecord[] =>
  text.split('\n').flatMap((line, index) => {
    const where = `line ${index + 1}`;
    return line.trim() === '' ? [] : [recordOf(parsed(line, where), where)];
  });

const jsonArray = (text: string): DatasetRecord[] => {
  const value = parsed(text, 'the file');
  if (!Array.isArray(value)) throw misuse('the file is JSON, and no list of samples');
  return value.map((entry, index) => recordOf(entry, `entry ${index + 1}`));
};

const csvRecords = (text: string): DatasetRecord[] => {
  try {
    const [head, ...rows] = csvRows(text);
    if (head === undefined) return [];
    const twice = head.fields.find((name, at) => head.fields.indexOf(name) !== at);
    if (twice !== undefined) throw misuse(`line 1 names the column ${displayableLine(twice, 60)} twice`);
    return rows.map(({ line, fields }) => {
      if (fields.length !== head.fields.length)
        throw misuse(`line ${line} has ${fields.length} fields, and the first line ${head.fields.length}`);
      // An empty field is none: a table has no other way to say so.
      const named = head.fields.map((name, at) => [name, fields[at] ?? ''] as const).filter(([, text]) => text !== '');
      return { where: `line ${line}`, fields: Object.fromEntries(named) };
    });
  } catch (error) {
    throw error instanceof CsvFault ? misuse(`line ${error.line} ${error.message}`) : error;
  }
};

const readers: Readonly<Record<string, (text: string) => DatasetRecord[]>> = {
  '.jsonl': jsonLines,
  '.json': jsonArray,
  '.csv': csvRecords,
};
export type DatasetFormat = '.jsonl' | '.json' | '.csv';

/**
 * Reads a dataset, bounded; its format is told by its name.
 * @throws UsageFailure that names the line or the entry
 */
export const readRecords = async (path: string, formats: readonly DatasetFormat[]): Promise<DatasetRecord[]> => {
  const format = formats.find((each) => each === extname(path).toLowerCase());
  if (format === undefined)
    throw misuse(`${displayableLine(path, 200)} must be named as what it is: ${formats.join(', ')}`);
  const records = readers[format]?.(await readText(path)) ?? [];
  if (records.length === 0) throw misuse(`${displayableLine(path, 200)} holds no samples`);
  if (records.length > platformMaxima.samples)
    throw misuse(`the file has ${records.length} samples, at most ${platformMaxima.samples}`);
  return records;
};
