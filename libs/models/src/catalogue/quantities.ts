import { z } from 'zod';

type Units = Readonly<Record<string, number>>;
const BYTE_UNITS: Units = { B: 1, KiB: 1024, MiB: 1024 ** 2 };
const TIME_UNITS: Units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

const amountOf = (text: string, units: Units): number => {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim());
  const unit = match?.[2] === undefined ? undefined : units[match[2]];
  return match?.[1] === undefined || unit === undefined ? Number.NaN : Math.round(Number(match[1]) * unit);
};

const shown = (amount: number, units: Units): string => {
  const [unit, size] = Object.entries(units)
    .filter(([, each]) => amount % each === 0)
    .at(-1) ?? ['', 1];
  return `${amount / size}${unit}`;
};

const quantity = (what: string, example: string, units: Units, min: number, max: number) =>
  z.unknown().transform((given, context) => {
    const amount = typeof given === 'string' ? amountOf(given, units) : Number.NaN;
    const message = Number.isNaN(amount)
      ? `must be ${what} with its unit (${Object.keys(units).join(', ')}), such as ${example}`
      : amount < min || amount > max
        ? `must be between ${shown(min, units)} and ${shown(max, units)}`
        : undefined;
    if (message === undefined) return amount;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

/** Such as `64KiB`: bytes between `min` and `max`. */
export const byteSize = (example: string, min: number, max: number) =>
  quantity('a size', example, BYTE_UNITS, min, max);
/** Such as `10s`: milliseconds between `min` and `max`. */
export const duration = (example: string, min: number, max: number) =>
  quantity('a duration', example, TIME_UNITS, min, max);
