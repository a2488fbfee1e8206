import type { Comparison, Rebuilt, RebuildProgress } from '@crucible/read-model';
import { displayableLine } from '@crucible/events';
import type { Command } from 'commander';
import { ProgressLine } from '../audit/progress-line.ts';
import { readSettings } from '../config.ts';
import { exitCodes } from '../exit.ts';
import { PlatformFailure } from '../platform/failure.ts';
import type { PlatformInfo } from '../platform/info.ts';
import { columns, printJson } from '../terminal.ts';

interface Options {
  readonly json?: true;
}

const ROW_CHARACTERS_MAX = 1_000;
const JSON_ROW_CHARACTERS_MAX = 100_000;

const running = async (): Promise<PlatformInfo> => {
  const { currentPlatform } = await import('../platform/platform.ts');
  const info = currentPlatform(readSettings());
  if (info === undefined) throw new PlatformFailure('the platform is not running', 'start it: ./crucible up');
  return info;
};

const doing: Readonly<Record<RebuildProgress['stage'], string>> = {
  replay: 'replayed',
  index: 'replayed, making indexes',
  exchange: 'replayed, catching up',
};

type Work<T> = (signal: AbortSignal, onProgress: (progress: RebuildProgress) => void) => Promise<T>;

/** Shows how far it is; an interrupt breaks off in order. */
const watched = async <T>(work: Work<T>): Promise<T> => {
  const line = new ProgressLine();
  const broken = new AbortController();
  const interrupt = (): void => broken.abort(new Error('broken off; the live read model is as it was'));
  process.once('SIGINT', interrupt);
  try {
    return await work(broken.signal, ({ stage, position, head }) =>
      line.show(() => `${position} of ${head} events ${doing[stage]}`),
    );
  } finally {
    process.off('SIGINT', interrupt);
    line.end();
  }
};

const rate = ({ events, replayMs, indexMs }: Rebuilt): number => Math.round((events / (replayMs + indexMs)) * 1_000);
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;

const rebuild = async ({ json }: Options): Promise<void> => {
  const info = await running();
  const [{ rebuildReadModel }, { withLog }] = await Promise.all([
    import('@crucible/read-model'),
    import('../projections/log-source.ts'),
  ]);
  const rebuilt = await watched((signal, onProgress) =>
    withLog(info, 'rebuild', (source) => rebuildReadModel(info.databaseUrl, source, { signal, onProgress })),
  );
  if (json) return printJson({ ok: true, ...rebuilt, eventsPerSecond: rate(rebuilt) });
  const { events, position, replayMs, indexMs, exchangeMs } = rebuilt;
  process.stdout.write(
    `rebuilt from ${events} events, up to position ${position}: replay ${seconds(replayMs)}, indexes ${seconds(indexMs)}, ` +
      `exchange ${seconds(exchangeMs)} (${rate(rebuilt)} events/s)\n`,
  );
};

const lines = ({ equal, position, tables, firstDifference }: Comparison): string[] => {
  const rows = tables.map(({ table, live, replayed }) => [
    table,
    String(live.rows),
    String(replayed.rows),
    live.sha256 === replayed.sha256 ? live.sha256 : `${live.sha256} is not ${replayed.sha256}`,
  ]);
  const row = (text: string | null): string => (text === null ? 'none' : displayableLine(text, ROW_CHARACTERS_MAX));
  const first =
    firstDifference === null
      ? []
      : [
          `first difference, in ${firstDifference.table}:`,
          `  live      ${row(firstDifference.live)}`,
          `  replayed  ${row(firstDifference.replayed)}`,
        ];
  const verdict = equal ? 'equal' : 'NOT equal';
  return [
    columns([['table', 'live', 'replayed', 'sha256 of the rows'], ...rows]),
    ...first,
    `${verdict}: the live read model and a replay of the log up to position ${position}`,
  ];
};

const compare = async ({ json }: Options): Promise<void> => {
  const info = await running();
  const [{ compareReadModel }, { withLog }] = await Promise.all([
    import('@crucible/read-model'),
    import('../projections/log-source.ts'),
  ]);
  const compared = await watched((signal, onProgress) =>
    withLog(info, 'compare', (source) => compareReadModel(info.databaseUrl, source, { signal, onProgress })),
  );
  const cut = (text: string | null): string | null => text?.slice(0, JSON_ROW_CHARACTERS_MAX) ?? null;
  const { firstDifference: first } = compared;
  if (json)
    printJson({
      ...compared,
      firstDifference: first === null ? null : { ...first, live: cut(first.live), replayed: cut(first.replayed) },
    });
  else process.stdout.write(`${lines(compared).join('\n')}\n`);
  process.exitCode = compared.equal ? exitCodes.ok : exitCodes.failed;
};

export const register = (program: Command): void => {
  const projections = program
    .command('projections')
    .description('build what is derived from the log anew, or compare it with a replay');
  projections
    .command('rebuild')
    .description('build the read model anew from the log beside the live one, and exchange them')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Readers and the platform go on meanwhile. What breaks it off leaves the live read model as it was.

Examples:
  $ ./crucible projections rebuild
  $ ./crucible projections compare && echo equal`,
    )
    .action(rebuild);
  projections
    .command('compare')
    .description('say whether the read model holds, byte for byte, what a replay of the log gives')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Exit code 0 when both are equal, 1 when not; then the first row that differs is shown.`,
    )
    .action(compare);
};
