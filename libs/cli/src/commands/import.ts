import { basename, extname } from 'node:path';
import { displayableLine } from '@crucible/events';
import type { Command } from 'commander';
import { modelSuiteYaml, scorerFor, suiteName } from '../client/dataset/model-suite.ts';
import { readRecords } from '../client/dataset/records.ts';
import type { DatasetFormat } from '../client/dataset/records.ts';
import { inspectFields, samplesFrom } from '../client/dataset/sample.ts';
import type { FieldNames } from '../client/dataset/sample.ts';
import { writeSuite } from '../client/dataset/write-suite.ts';
import type { SuiteDraft } from '../client/dataset/write-suite.ts';
import { misuse } from '../client/failure.ts';
import { modelSampleOf, modelSuiteText, scoringProgram } from '../client/humaneval-model.ts';
import { readProblems, sampleOf, suiteYaml } from '../client/humaneval.ts';
import type { HumanEvalProblem } from '../client/humaneval.ts';
import { printJson } from '../terminal.ts';

interface ImportOptions {
  readonly out: string;
  readonly force?: true;
  readonly json?: true;
}

const importing = async (draft: SuiteDraft, { out: folder, force, json }: ImportOptions): Promise<void> => {
  const { suite, samples } = await writeSuite(folder, force === true, draft);
  if (json) return printJson({ suite: suite.metadata.name, folder, samples });
  const shown = displayableLine(folder, 200);
  const model = suite.solver.kind === 'program' ? '' : ' --model NAME';
  process.stdout.write(`${samples} samples written to ${shown}\n  ./crucible run ${shown}${model}\n`);
};

async function* mapped<T>(items: AsyncIterable<T>, of: (item: T) => object): AsyncGenerator<object> {
  for await (const item of items) yield of(item);
}

/** What HumanEval can be imported as: a test of the platform, or of a model. */
const humanEvalForms: Readonly<
  Record<string, Omit<SuiteDraft, 'samples'> & { of: (problem: HumanEvalProblem) => object }>
> = {
  program: { of: sampleOf, suiteYaml },
  model: {
    of: modelSampleOf,
    suiteYaml: modelSuiteText,
    beside: { [scoringProgram.file]: scoringProgram.text },
  },
};

const importHumanEval = async (file: string, options: ImportOptions & { readonly as: string }): Promise<void> => {
  const form = Object.hasOwn(humanEvalForms, options.as) ? humanEvalForms[options.as] : undefined;
  if (form === undefined)
    throw misuse(`--as ${displayableLine(options.as, 40)}: must be one of ${Object.keys(humanEvalForms).join(', ')}`);
  await importing({ ...form, samples: mapped(readProblems(file), form.of) }, options);
};

interface DatasetOptions extends ImportOptions {
  readonly name?: string;
  readonly solver: string;
  readonly scorer?: string;
  readonly inputField?: string;
  readonly targetField?: string;
  readonly idField?: string;
  readonly choicesField?: string;
  readonly metadataField?: string;
}

const fieldsOf = (options: DatasetOptions): FieldNames => ({
  input: options.inputField ?? inspectFields.input,
  target: options.targetField ?? inspectFields.target,
  id: options.idField ?? inspectFields.id,
  choices: options.choicesField ?? inspectFields.choices,
  metadata: options.metadataField ?? inspectFields.metadata,
});

const importDataset =
  (verb: string, formats: readonly DatasetFormat[]) =>
  async (file: string, options: DatasetOptions): Promise<void> => {
    const { solver } = options;
    if (solver !== 'generate' && solver !== 'agent')
      throw misuse(`--solver ${displayableLine(solver, 40)}: must be generate or agent`);
    const samples = samplesFrom(await readRecords(file, formats), fieldsOf(options));
    const title = displayableLine(options.name ?? basename(file, extname(file)), 100);
    const wish = {
      name: suiteName(title),
      title,
      command: `./crucible import ${verb}`,
      solver,
      scorer: scorerFor(options.scorer, samples),
    } as const;
    await importing({ samples, suiteYaml: () => modelSuiteYaml(wish) }, options);
  };

const withOutput = (command: Command): Command =>
  command
    .requiredOption('--out <folder>', 'where to write suite.yaml and samples.jsonl')
    .option('--force', 'write into a folder that is not empty')
    .option('--json', 'print one JSON object');

const withFields = (command: Command): Command =>
  withOutput(command)
    .option('--name <name>', 'of the suite; that of the file when left out')
    .option('--solver <solver>', 'generate or agent', 'generate')
    .option(
      '--scorer <scorer>',
      'includes, exact, choice, numeric or regex; choice where samples have choices, else includes',
    )
    .option('--input-field <name>', 'field with the prompt or the messages', inspectFields.input)
    .option('--target-field <name>', 'field with what is right', inspectFields.target)
    .option('--id-field <name>', 'field with the id; samples without one are numbered', inspectFields.id)
    .option('--choices-field <name>', 'field with the choices', inspectFields.choices)
    .option('--metadata-field <name>', 'field with an object of facts for readers', inspectFields.metadata);

export const register = (program: Command): void => {
  const verb = program.command('import').description('write a suite from a published dataset');
  withOutput(
    verb
      .command('humaneval')
      .description('HumanEval: 164 programming problems with their canonical solutions and tests')
      .argument('<file>', 'HumanEval.jsonl.gz, or unpacked')
      .option(
        '--as <form>',
        'program: their own solutions, a test of the platform; model: a model solves them',
        'program',
      ),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ ./crucible import humaneval HumanEval.jsonl.gz --out humaneval
  $ ./crucible run humaneval
  $ ./crucible import humaneval HumanEval.jsonl.gz --as model --out humaneval-model
  $ ./crucible run humaneval-model --model NAME`,
    )
    .action(importHumanEval);
  withFields(
    verb
      .command('jsonl')
      .description('any JSONL file: one JSON object a line, whose fields you name')
      .argument('<file>', 'a .jsonl file'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ ./crucible import jsonl questions.jsonl --input-field question --target-field answer --out questions`,
    )
    .action(importDataset('jsonl', ['.jsonl']));
  withFields(
    verb
      .command('inspect-dataset')
      .description('a dataset of Inspect: input, target, id, choices, metadata, files')
      .argument('<file>', 'a .csv, .json or .jsonl file'),
  )
    .addHelpText(
      'after',
      `
Samples with sandbox or setup are refused: a suite says itself what its trials are given. Files are taken as text or as
base64 data URIs.

Examples:
  $ ./crucible import inspect-dataset theory-of-mind.json --out theory-of-mind
  $ ./crucible run theory-of-mind --model NAME`,
    )
    .action(importDataset('inspect-dataset', ['.csv', '.json', '.jsonl']));
};
