import { join } from 'node:path';
import type { TrialView } from '@crucible/domain';
import type { Attempt } from './attempt.ts';
import type { TrialLogs } from './facts.ts';
import { errorOf } from './frame.ts';
import { jsonText } from './json-text.ts';
import { readAttempt } from './read-attempt.ts';
import { sampleShell, summaryOfSample } from './sample.ts';
import { sampleEntryName } from './sample-name.ts';
import type { Fields } from './shapes.ts';
import type { LogSource } from './source.ts';
import { Spool } from './spool.ts';
import { UsageTally } from './usage.ts';

/** A sample of the log. Its text can be read until the next one is asked for. */
export interface SampleDocument {
  readonly entryName: string;
  readonly summary: Fields;
  /** Of all its attempts. */
  readonly usage: UsageTally;
  text(): AsyncIterable<string>;
}

/** All attempts at one sample in one epoch, in order. */
export async function* groupsOf(trials: AsyncIterable<TrialView>): AsyncGenerator<readonly TrialView[]> {
  let group: TrialView[] = [];
  for await (const trial of trials) {
    const [first] = group;
    if (first !== undefined && (first.sampleIndex !== trial.sampleIndex || first.epoch !== trial.epoch)) {
      yield group;
      group = [];
    }
    group.push(trial);
  }
  if (group.length > 0) yield group;
}

/** The attempt that tells what became of a sample: the last that began, for one that was withdrawn tells nothing. */
const decisive = (group: readonly TrialView[]): TrialView | undefined =>
  group.findLast(({ startedAt }) => startedAt !== null) ?? group.at(-1);

const hasEnded = ({ status }: TrialView): boolean => status === 'finished' || status === 'withdrawn';

interface Spools {
  readonly messages: Spool;
  readonly events: Spool;
  readonly retries: Spool;
}

async function* documentText(shell: Fields, { messages, events, retries }: Spools): AsyncGenerator<string> {
  yield `${jsonText(shell).slice(0, -1)},"messages":[`;
  yield* messages.text();
  yield '],"events":[';
  yield* events.text();
  yield '],"events_data":{"messages":[';
  yield* messages.text();
  yield '],"calls":[]}';
  if (!retries.isEmpty) {
    yield ',"error_retries":[';
    yield* retries.text();
    yield ']';
  }
  yield '}';
}

/** Writes an attempt that others followed: its failure, and what came before it. */
const readRetried = async (source: LogSource, attempt: Attempt, retries: Spool): Promise<UsageTally> => {
  const { trial } = attempt;
  const why = errorOf(attempt) ?? {
    message: `ended by ${trial.reason ?? trial.status}`,
    traceback: '',
    traceback_ansi: '',
  };
  retries.begin();
  await retries.append(`${jsonText(why).slice(0, -1)},"events":[`);
  let comma = '';
  const { usage } = await readAttempt(source, attempt, async ({ events }) => {
    for (const event of events) {
      await retries.append(`${comma}${jsonText(event)}`);
      comma = ',\n';
    }
  });
  await retries.append(']}');
  return usage;
};

/** Reads samples one after the other. Those that have not ended are left out, as in a log of Inspect's own. */
export class SampleDocuments {
  readonly #source: LogSource;
  readonly #logs: TrialLogs;
  readonly #folder: string;

  /** @param folder for what is too long for memory; nothing is left in it */
  constructor(source: LogSource, logs: TrialLogs, folder: string) {
    this.#source = source;
    this.#logs = logs;
    this.#folder = folder;
  }

  async *read(onTrial: (trial: TrialView) => void): AsyncGenerator<SampleDocument> {
    for await (const group of groupsOf(this.#source.trials())) {
      group.forEach(onTrial);
      const trial = decisive(group);
      if (trial === undefined || !group.every(hasEnded)) continue;
      const spools = this.#spools();
      try {
        yield await this.#document(group, trial, spools);
      } finally {
        for (const spool of Object.values(spools) as Spool[]) await spool.remove();
      }
    }
  }

  async #document(group: readonly TrialView[], trial: TrialView, spools: Spools): Promise<SampleDocument> {
    const usage = new UsageTally();
    const earlier = group.filter((each) => each.attempt < trial.attempt);
    for (const each of earlier)
      usage.addAll(await readRetried(this.#source, this.#attempt(each, false), spools.retries));
    const attempt = this.#attempt(trial, true);
    const read = await readAttempt(this.#source, attempt, async ({ message, events }) => {
      if (message !== null) await spools.messages.add(message);
      for (const event of events) await spools.events.add(event);
    });
    usage.addAll(read.usage);
    const shell = sampleShell(this.#source, attempt, read);
    return {
      entryName: sampleEntryName(String(shell['id']), trial.epoch),
      summary: summaryOfSample(shell, trial, read, earlier.length),
      usage,
      text: () => documentText(shell, spools),
    };
  }

  #attempt(trial: TrialView, isPooled: boolean): Attempt {
    const { suite } = this.#source;
    const sample = suite.dataset.samples[trial.sampleIndex];
    if (sample === undefined || sample.id !== trial.sampleId)
      throw new Error(`trial ${trial.id} is of a sample that its suite does not have`);
    return { trial, suite, sample, log: this.#logs.of(trial.id), isPooled };
  }

  #spools(): Spools {
    const spool = (name: string): Spool => new Spool(join(this.#folder, name));
    return { messages: spool('messages'), events: spool('events'), retries: spool('retries') };
  }
}
