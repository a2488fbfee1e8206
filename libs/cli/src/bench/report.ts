import { availableParallelism, cpus, totalmem } from 'node:os';
import { table } from '../client/table.ts';

/** Rows of a benchmark as printed and as JSON: every value is a number or a short text. */
export type BenchRow = Readonly<Record<string, number | string>>;

export interface BenchReport {
  readonly bench: string;
  /** One sentence: what was measured against what. */
  readonly about: string;
  readonly rows: readonly BenchRow[];
}

const round = (value: number | string): string =>
  typeof value === 'string' ? value : Number.isInteger(value) ? String(value) : value.toFixed(2);

export const machine = (): BenchRow => ({
  cores: availableParallelism(),
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  memoryGiB: Math.round((totalmem() / 1024 ** 3) * 10) / 10,
  node: process.version,
});

/** The value below which a share `p` (0 to 1) of the values lies, by the nearest rank. */
export const percentile = (values: readonly number[], p: number): number => {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * p) - 1)] ?? Number.NaN;
};

export const median = (values: readonly number[]): number => percentile(values, 0.5);

export const printReport = (report: BenchReport, json: boolean): void => {
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...report, machine: machine() })}\n`);
    return;
  }
  const { cores, cpu, memoryGiB, node } = machine();
  const titles = Object.keys(report.rows[0] ?? {});
  const columns = titles.map((title) => ({
    title,
    text: (row: BenchRow) => round(row[title] ?? ''),
    align: typeof report.rows[0]?.[title] === 'number' ? ('right' as const) : ('left' as const),
  }));
  process.stdout.write(`\n${report.about}\n${cores} cores (${cpu}), ${memoryGiB} GiB, Node ${node}\n\n`);
  for (const line of table(report.rows, columns, 160)) process.stdout.write(`${line}\n`);
  process.stdout.write(`\n${JSON.stringify({ ...report, machine: machine() })}\n`);
};
