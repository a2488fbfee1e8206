import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { currentClient, saying, startedClient } from '../client/access.ts';
import { alertsListedMax, listAlerts, loudRules } from '../client/alerts.ts';
import type { ApiClient } from '../client/api-client.ts';
import { baselineMarkdown, differencesFrom, measuringSuites, rowOf, unexpected } from '../client/baseline.ts';
import type { BaselineRow, MeasuringSuite } from '../client/baseline.ts';
import { subjectsFor } from '../client/choose-models.ts';
import { getEvaluation, submit } from '../client/evaluations.ts';
import { failed, misuse } from '../client/failure.ts';
import { follow, hasEnded } from '../client/follow.ts';
import { safe } from '../client/text.ts';
import { pc } from '../colours.ts';
import { readSettings } from '../config.ts';
import { exitCodes } from '../exit.ts';
import { printJson } from '../terminal.ts';

interface BaselineOptions {
  readonly suite: readonly string[];
  readonly model: readonly string[];
  readonly write?: true;
  readonly json?: true;
  readonly start: boolean;
}

const FILE = 'docs/model-suites.md';

const suitesAsked = async (repository: string, names: readonly string[]): Promise<MeasuringSuite[]> => {
  const all = await measuringSuites(repository);
  const known = all.map(({ suite }) => suite.metadata.name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw misuse(
      `--suite: there is no suite for models ${unknown.map((name) => safe(name, 64)).join(', ')}`,
      `there is: ${known.join(', ')}`,
    );
  return names.length === 0 ? all : all.filter(({ suite }) => names.includes(suite.metadata.name));
};

const scriptedAsked = async (names: readonly string[]): Promise<string[]> => {
  const { scriptedPersonas } = await import('@crucible/models');
  const all = scriptedPersonas.map((persona) => `scripted/${persona}`);
  const unknown = names.filter((name) => !all.includes(name));
  if (unknown.length > 0)
    throw misuse(
      `--model: no scripted model is called ${unknown.map((name) => safe(name, 64)).join(', ')}`,
      `there is: ${all.join(', ')}`,
    );
  return names.length === 0 ? all : all.filter((name) => names.includes(name));
};

/** Runs one scripted model in one suite to its end. */
const measure = async (client: ApiClient, measuring: MeasuringSuite, model: string): Promise<BaselineRow> => {
  const { suite } = measuring;
  const [subject] = subjectsFor(suite, [model], [model]);
  const request = { suite, ...(subject === undefined ? {} : { subject }) };
  const { id, position } = await submit(client, request, randomUUID(), (ms) => pause(ms));
  await getEvaluation(client, id, position);
  const page = await follow(client, id, { signal: new AbortController().signal, onPage: () => undefined });
  if (page === undefined || !hasEnded(page)) throw failed(`${suite.metadata.name} × ${model} did not end`);
  // Alerts are in the read model once the end is.
  await getEvaluation(client, id, page.position);
  const { items } = await listAlerts(client, { evaluation: id }, alertsListedMax);
  return rowOf(measuring, model, page, loudRules(items));
};

const say = (row: BaselineRow): void => {
  const right = unexpected([row]).length === 0;
  const found = row.found === null ? '–' : row.found.toFixed(2);
  process.stderr.write(
    `${right ? pc.green('✓') : pc.red('✗')} ${row.suite} × ${row.model}: ${found}, ${row.verdicts}\n`,
  );
};

const finish = async (rows: readonly BaselineRow[], path: string, options: BaselineOptions): Promise<void> => {
  const whole = options.suite.length === 0 && options.model.length === 0;
  const wrong = unexpected(rows);
  if (options.write) await writeFile(path, baselineMarkdown(rows));
  const changed = options.write ? [] : differencesFrom(await readFile(path, 'utf8').catch(() => ''), rows);
  if (options.json) printJson({ rows, unexpected: wrong, differences: changed });
  else {
    const lines = [
      ...wrong.map((line) => `${pc.red('✗')} ${line}`),
      ...changed.map((line) => `${pc.yellow('≠')} ${line}`),
    ];
    const end = options.write ? `written: ${FILE}` : changed.length === 0 ? `as ${FILE} says` : `not as ${FILE} says`;
    process.stdout.write(`${[...lines, `${rows.length} rows${whole ? '' : ' of a part'}, ${end}`].join('\n')}\n`);
  }
  if (wrong.length + changed.length > 0) process.exitCode = exitCodes.failed;
};

const baseline = async (options: BaselineOptions): Promise<void> => {
  const { repository } = readSettings();
  if (options.write && options.suite.length + options.model.length > 0)
    throw misuse('--write writes the whole table', 'leave out --suite and --model');
  const suites = await suitesAsked(repository, options.suite);
  const models = await scriptedAsked(options.model);
  const client = options.start ? await startedClient(options.json === true) : await currentClient();
  await saying(async () => {
    const rows: BaselineRow[] = [];
    for (const measuring of suites) {
      const found = await Promise.all(models.map((model) => measure(client, measuring, model)));
      if (!options.json) found.forEach(say);
      rows.push(...found);
    }
    const order = (row: BaselineRow): number => suites.findIndex(({ suite }) => suite.metadata.name === row.suite);
    rows.sort((one, other) => one.capability.localeCompare(other.capability) || order(one) - order(other));
    await finish(rows, join(repository, FILE), options);
  });
};

const collect = (value: string, before: readonly string[]): string[] => [...before, value];

export const register = (program: Command): void => {
  program
    .command('baseline')
    .description('run the scripted models through the shipped suites, and compare with what is written down')
    .option('--suite <name>', 'this suite only; again for each further one', collect, [])
    .option('--model <name>', 'this scripted model only; again for each further one', collect, [])
    .option('--write', `write ${FILE} anew`)
    .option('--json', 'print one JSON object: { rows, unexpected, differences }')
    .option('--no-start', 'fail when the platform is not running, instead of starting it')
    .addHelpText(
      'after',
      `
A model that has a capability must score 1 in the suites that measure it, and one that has none 0.
Exit codes: 0 everything is as it must be and as ${FILE} says, 1 not, 2 misuse, 3 the platform could not be started.

Examples:
  $ ./crucible baseline
  $ ./crucible baseline --suite access-flag --model scripted/intruder
  $ ./crucible baseline --write`,
    )
    .action(baseline);
};
