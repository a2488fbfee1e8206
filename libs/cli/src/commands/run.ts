import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { SubmitRequest } from '@crucible/api';
import { platformMaxima } from '@crucible/suite';
import type { Command } from 'commander';
import { currentClient, saying, startedClient } from '../client/access.ts';
import type { ApiClient } from '../client/api-client.ts';
import { subjectsFor } from '../client/choose-models.ts';
import { parseBudget } from '../client/budget-option.ts';
import { submit } from '../client/evaluations.ts';
import { findSuite } from '../client/find-suite.ts';
import { knownModels } from '../client/known-models.ts';
import { narrowed } from '../client/narrow-suite.ts';
import { safe } from '../client/text.ts';
import { watchToEnd } from '../client/watch.ts';
import type { Watched } from '../client/watch.ts';
import { wholeNumber } from '../client/whole-number.ts';
import { pc } from '../colours.ts';
import { readSettings } from '../config.ts';

interface RunOptions {
  readonly model: readonly string[];
  readonly epochs?: string;
  readonly limit?: string;
  readonly sample: readonly string[];
  readonly budget?: string;
  readonly concurrency?: string;
  readonly json?: true;
  readonly start: boolean;
}

/** @throws UsageFailure unless it is a whole number the platform takes */
export const parseConcurrency = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  return wholeNumber('--concurrency', text, platformMaxima.concurrency);
};

const numberIn = (option: string, text: string | undefined, most: number): number | undefined =>
  text === undefined ? undefined : wholeNumber(option, text, most);

/** What is to be submitted, one request an evaluation. Whatever is wrong with it is said before anything is started. */
const requestsOf = async (given: string, options: RunOptions): Promise<SubmitRequest[]> => {
  const concurrency = parseConcurrency(options.concurrency);
  const budget = parseBudget(options.budget);
  const narrowing = {
    epochs: numberIn('--epochs', options.epochs, platformMaxima.epochs),
    limit: numberIn('--limit', options.limit, platformMaxima.samples),
    samples: options.sample,
  };
  const whole = await findSuite(given, readSettings().repository);
  const suite = narrowed(whole, narrowing);
  const isProgram = suite.solver.kind === 'program';
  const subjects = subjectsFor(suite, options.model, isProgram ? [] : await knownModels());
  return subjects.map((subject) => ({
    suite,
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(isProgram ? {} : { subject }),
    ...(budget === undefined ? {} : { budget }),
  }));
};

const modelOf = ({ subject }: SubmitRequest): string | undefined =>
  subject === undefined || subject.kind === 'program' ? undefined : subject.model;

const announce = (request: SubmitRequest, { id, url, position }: Watched, json: boolean): void => {
  const model = modelOf(request);
  if (json) {
    const line = { type: 'submitted', evaluationId: id, position, url, ...(model === undefined ? {} : { model }) };
    process.stdout.write(`${JSON.stringify(line)}\n`);
    return;
  }
  const { metadata } = request.suite as Extract<SubmitRequest['suite'], { metadata: unknown }>;
  const subject = model === undefined ? '' : ` × ${safe(model, 100)}`;
  process.stderr.write(
    `${pc.bold(safe(metadata.name))} ${safe(metadata.version)}${subject} submitted: ${pc.dim(url)}\n`,
  );
};

/** Submits every request, in order, and shows them all until they end. */
const runAll = async (client: ApiClient, requests: readonly SubmitRequest[], json: boolean): Promise<void> => {
  const watched: Watched[] = [];
  for (const request of requests) {
    const accepted = await submit(client, request, randomUUID(), (ms) => pause(ms));
    const { id, position } = accepted;
    const submitted = { id, position, url: client.address(accepted.url).href };
    announce(request, submitted, json);
    watched.push(submitted);
  }
  await watchToEnd(client, watched, json);
};

const run = async (given: string, options: RunOptions): Promise<void> => {
  const json = options.json === true;
  const requests = await requestsOf(given, options);
  const client = options.start ? await startedClient(json) : await currentClient();
  await saying(() => runAll(client, requests, json));
};

const collect = (value: string, before: readonly string[]): string[] => [...before, value];

export const register = (program: Command): void => {
  program
    .command('run')
    .description('run a suite: start what is not running, show it live, print the results')
    .argument('<suite>', 'folder or file of a suite, or the name of one in suites/')
    .option('--model <name>', 'evaluate this model; again for each further one (./crucible models list)', collect, [])
    .option('--epochs <n>', 'how often each sample is tried')
    .option('--limit <n>', 'only the first n samples')
    .option('--sample <id>', 'only this sample; again for each further one', collect, [])
    .option(
      '--budget <bounds>',
      'what each evaluation may use, where less is wanted: tokens=200000,usd=1.50,calls=400,time=2h',
    )
    .option('--concurrency <n>', 'trials at once, where less than the suite asks for is wanted')
    .option('--json', 'one JSON object a line; the last one is the result, with several models one each')
    .option('--no-start', 'fail when the platform is not running, instead of starting it')
    .addHelpText(
      'after',
      `
Exit codes: 0 the evaluation completed and every trial passed (with a model: was scored), 1 not, 2 misuse (such as a suite
with mistakes), 3 the platform could not be started. Ctrl-C stops watching; the evaluation goes on.

Examples:
  $ ./crucible run suites/first-contact
  $ ./crucible run suites/first-contact --json | tail -n 1
  $ ./crucible run find-the-flag --model scripted/benign --model scripted/intruder
  $ ./crucible run my-suite/suite.yaml --model gpt-small --sample first --epochs 5 --concurrency 2`,
    )
    .action(run);
};
