import { createBroker, keyName, loadModels, modelsProblemLine } from '@crucible/models';
import type { ModelEntry, ModelsLoaded, ModelsProblem } from '@crucible/models';
import type { Command } from 'commander';
import { concurrencyText, modelAccounts } from '../client/model-concurrency.ts';
import type { ModelAccount } from '../client/model-concurrency.ts';
import { checkModel } from '../client/model-check.ts';
import type { ModelCheck } from '../client/model-check.ts';
import { table } from '../client/table.ts';
import { safe } from '../client/text.ts';
import { pc } from '../colours.ts';
import { keyEnvironment, readSettings } from '../config.ts';
import { exitCodes, UsageFailure } from '../exit.ts';
import { currentModelsFile } from '../platform/models-file.ts';
import { currentPlatform } from '../platform/platform.ts';
import { columns, printJson, tableColumns } from '../terminal.ts';

const write = (lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);

const loaded = (models: ModelsLoaded): Extract<ModelsLoaded, { ok: true }> => {
  if (models.ok) return models;
  throw new UsageFailure(models.problems.map(modelsProblemLine).join('\n       '));
};

const warn = (warnings: readonly ModelsProblem[]): void => {
  for (const warning of warnings) process.stderr.write(`${pc.yellow('warning:')} ${modelsProblemLine(warning)}\n`);
};

type Listed = ModelEntry & { readonly keyProblem: string | null };

/** Every model with what is wrong with its key: a file with an unset variable is still worth looking at. */
const listed = async (file: string | null): Promise<{ models: Listed[]; warnings: readonly ModelsProblem[] }> => {
  const { models } = loaded(await loadModels(file));
  const withKeys = await loadModels(file, keyEnvironment());
  const problems = withKeys.ok ? [] : withKeys.problems;
  const problemOf = (index: number): string | null =>
    problems.find(({ field }) => field === `models[${index}].key`)?.message ?? null;
  return {
    models: models.map((entry, index) => ({ ...entry, keyProblem: problemOf(index) })),
    warnings: withKeys.ok ? withKeys.warnings : [],
  };
};

const priceText = ({ price }: ModelEntry): string =>
  price === null ? '' : `${price.inputUsd} / ${price.outputUsd} / ${price.cachedInputUsd}`;
const keyText = ({ key, keyProblem }: Listed): string =>
  key === null ? '' : `${keyProblem === null ? '✓' : '✗'} ${safe(keyName(key), 60)}`;

/** How many calls its provider takes at once: while an executor runs as it has learnt it, else the most there may be. */
const atOnceText = ({ name, limits }: Listed, accounts: readonly ModelAccount[] | null): string => {
  const account = accounts?.find(({ models }) => models.includes(name));
  return account === undefined ? String(limits.concurrencyMax) : concurrencyText(account);
};

const list = async (options: { readonly json?: true }): Promise<void> => {
  const file = currentModelsFile();
  const { models, warnings } = await listed(file);
  const accounts = await modelAccounts(currentPlatform(readSettings()));
  if (options.json) return printJson({ file, models, accounts });
  warn(warnings);
  write([
    ...table(
      models,
      [
        { title: 'model', text: ({ name }) => name },
        { title: 'provider', text: ({ provider }) => provider },
        { title: 'id', text: ({ modelId }) => safe(modelId, 60), dropOrder: 1 },
        { title: 'address', text: ({ baseUrl }) => safe(baseUrl ?? '', 80), dropOrder: 3, shrinks: true },
        { title: 'key', text: keyText, paint: (text, { keyProblem }) => (keyProblem === null ? text : pc.red(text)) },
        { title: '$ in / out / cached', text: priceText, dropOrder: 2 },
        { title: 'at once', text: (model) => atOnceText(model, accounts), dropOrder: 4 },
      ],
      tableColumns(),
    ),
    '',
    pc.dim(file === null ? 'no file of models: see docs/models.md' : safe(file, 300)),
  ]);
  const missing = models.filter(({ keyProblem }) => keyProblem !== null);
  for (const { name, keyProblem } of missing) process.stderr.write(`${pc.red('✗')} ${name}: ${keyProblem}\n`);
};

const mark = (good: boolean): string => (good ? pc.green('✓') : pc.red('✗'));
const known = (count: number | null): string => (count === null ? 'unknown' : String(count));

const checkLines = (entry: ModelEntry, check: ModelCheck): string[] => {
  const where = entry.baseUrl === null ? '' : ` at ${safe(entry.baseUrl, 100)}`;
  const head = ['model', `${entry.name}: ${entry.provider} ${safe(entry.modelId, 80)}${where}`];
  const tries = check.attempts > 1 ? `, ${check.attempts} attempts, waited ${check.waitedMs} ms` : '';
  if (!check.ok) {
    const reply = `${mark(false)} ${check.failure}: ${safe(check.detail ?? '')}${tries}`;
    return columns([head, ['reply', reply]]).split('\n');
  }
  const { usage, costMicroUsd } = check;
  const cost = costMicroUsd === null ? 'cost unknown' : `$${(costMicroUsd / 1e6).toFixed(6)}`;
  const rows = [
    head,
    [
      'reply',
      `${mark(true)} complete after ${check.latencyMs} ms, first token after ${known(check.firstTokenMs)} ms${tries}`,
    ],
    ['streaming', `${mark(check.streaming)} ${check.pieces} ${check.pieces === 1 ? 'piece' : 'pieces'}`],
    ['tools', `${mark(check.tools === 'yes')} ${safe(check.toolsDetail ?? '')}`],
    ['usage', `${known(usage?.inputTokens ?? null)} tokens in, ${known(usage?.outputTokens ?? null)} out, ${cost}`],
    ...check.warnings.map((warning) => ['warning', pc.yellow(safe(warning))]),
  ];
  return columns(rows).split('\n');
};

const check = async (name: string, options: { readonly json?: true }): Promise<void> => {
  const { models, keys, warnings } = loaded(await loadModels(currentModelsFile(), keyEnvironment(), name));
  const entry = models.find((model) => model.name === name);
  if (entry === undefined) {
    const names = models.map((model) => model.name).join(', ');
    throw new UsageFailure(`there is no model ${safe(name, 100)}\n       those there are: ${names}`);
  }
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  const found = await checkModel(createBroker([entry], keys), name, controller.signal);
  if (options.json) {
    printJson({ name, provider: entry.provider, modelId: entry.modelId, baseUrl: entry.baseUrl, ...found });
  } else {
    warn(warnings);
    write(checkLines(entry, found));
  }
  if (!found.ok) process.exitCode = exitCodes.failed;
};

export const register = (program: Command): void => {
  const models = program.command('models').description('models that can be evaluated, and whether they answer');
  models
    .command('list')
    .description('the models of the file of models, and the scripted ones')
    .option('--json', 'as one JSON object')
    .action(list);
  models
    .command('check <name>')
    .description('make a real call: latency, streaming, use of tools, counts')
    .option('--json', 'as one JSON object')
    .addHelpText(
      'after',
      `
Models stand in models.yaml in CRUCIBLE_HOME, or in the file that CRUCIBLE_MODELS_FILE names. Nothing needs to run for this.

Examples:
  $ ./crucible models check scripted/benign
  $ CRUCIBLE_MODELS_FILE=models.yaml ./crucible models check gpt-small --json`,
    )
    .action(check);
};
