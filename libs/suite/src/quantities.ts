import { z } from 'zod';

const BYTE_UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
const TIME_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

const parsed = (text: string, units: Readonly<Record<string, number>>): number | undefined => {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim());
  const unit = match?.[2] === undefined ? undefined : units[match[2]];
  return match?.[1] === undefined || unit === undefined ? undefined : Math.round(Number(match[1]) * unit);
};

const quantity = (what: string, example: string, units: Readonly<Record<string, number>>, max: number, min: number) =>
  z
    .string()
    .regex(
      new RegExp(`^\\d+(\\.\\d+)?\\s*(${Object.keys(units).join('|')})$`),
      `must be ${what} with its unit (${Object.keys(units).join(', ')}), such as ${example}`,
    )
    // What is no quantity at all has been said above; these two speak of its size only.
    .refine(
      (text) => (parsed(text, units) ?? max) <= max,
      `is more than this platform allows: at most ${describe(max, units)}`,
    )
    .refine(
      (text) => (parsed(text, units) ?? min) >= min,
      `is too little to run anything: at least ${describe(min, units)}`,
    )
    .meta({ examples: [example] });

const describe = (value: number, units: Readonly<Record<string, number>>): string => {
  const [unit, size] = Object.entries(units)
    .filter(([, each]) => value % each === 0)
    .at(-1) ?? ['', 1];
  return `${value / size}${unit}`;
};

/** A size such as `64MiB`, between `min` and `max` bytes. */
export const byteSize = (example: string, min: number, max: number) =>
  quantity('a size', example, BYTE_UNITS, max, min);
/** A duration such as `10s`, between `min` and `max` milliseconds. */
export const duration = (example: string, min: number, max: number) =>
  quantity('a duration', example, TIME_UNITS, max, min);

/** A number of bytes or milliseconds in the largest unit that divides it. */
export const sizeText = (bytes: number): string => describe(bytes, BYTE_UNITS);
export const durationText = (ms: number): string => describe(ms, TIME_UNITS);

/** Bytes of a size that the schema has accepted. */
export const bytesOf = (text: string): number => parsed(text, BYTE_UNITS) ?? Number.NaN;
/** Milliseconds of a duration that the schema has accepted. */
export const msOf = (text: string): number => parsed(text, TIME_UNITS) ?? Number.NaN;
