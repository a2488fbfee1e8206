import { join } from 'node:path';
import type { TrialView } from '@crucible/domain';
import { TrialLogs } from './facts.ts';
import { jsonText } from './json-text.ts';
import { lean, reductionsOf, resultsOf, statsOf, statusOf } from './results.ts';
import { SampleDocuments } from './sample-documents.ts';
import type { SampleDocument } from './sample-documents.ts';
import type { Fields } from './shapes.ts';
import type { LogSource } from './source.ts';
import { metadataOf, planOf, specOf } from './spec.ts';
import { Spool } from './spool.ts';
import { UsageTally } from './usage.ts';
import { zipped } from './zip.ts';

/** Of Inspect's log format. */
export const logVersion = 2;
/** One JSON document, or a zip archive with one a sample. */
export const logFormats = ['json', 'eval'] as const;
export type LogFormat = (typeof logFormats)[number];

export interface WriteOptions {
  /** An empty folder for what is too long for memory; whoever made it removes it. */
  readonly folder: string;
  readonly onSample?: (samples: number) => void;
}

/** What comes of reading all samples: what a log says of them together. */
class Whole {
  readonly #source: LogSource;
  readonly #options: WriteOptions;
  readonly #trials: TrialView[] = [];
  readonly #usage = new UsageTally();
  #samples = 0;

  constructor(source: LogSource, options: WriteOptions) {
    this.#source = source;
    this.#options = options;
  }

  async *samples(): AsyncGenerator<SampleDocument> {
    const logs = new TrialLogs();
    for await (const positioned of this.#source.events()) logs.add(positioned);
    const documents = new SampleDocuments(this.#source, logs, this.#options.folder);
    for await (const document of documents.read((trial) => this.#trials.push(lean(trial)))) {
      yield document;
      this.#usage.addAll(document.usage);
      this.#samples += 1;
      this.#options.onSample?.(this.#samples);
    }
  }

  start(): Fields {
    return { version: logVersion, eval: specOf(this.#source), plan: planOf(this.#source.suite) };
  }

  /** In the order in which readers of a log's beginning expect it. Known once all samples were read. */
  header(): Fields {
    const { evaluation, suite } = this.#source;
    return {
      version: logVersion,
      status: statusOf(evaluation),
      eval: specOf(this.#source),
      plan: planOf(suite),
      results: resultsOf(evaluation, this.#trials),
      stats: statsOf(evaluation, this.#usage.byModel, this.#usage.byRole),
      invalidated: false,
      tags: suite.metadata.capability === undefined ? [] : [suite.metadata.capability],
      metadata: metadataOf(this.#source),
    };
  }

  reductions(): Fields[] {
    return reductionsOf(this.#source.evaluation, this.#trials);
  }
}

async function* one(text: string): AsyncGenerator<string> {
  yield text;
}

async function* plain(source: LogSource, options: WriteOptions): AsyncGenerator<string> {
  const whole = new Whole(source, options);
  const samples = new Spool(join(options.folder, 'samples'));
  try {
    for await (const document of whole.samples()) {
      samples.begin();
      for await (const text of document.text()) await samples.append(text);
    }
    yield `${jsonText(whole.header()).slice(0, -1)},\n"samples":[`;
    yield* samples.text();
    yield `],\n"reductions":${jsonText(whole.reductions())}}\n`;
  } finally {
    await samples.remove();
  }
}

const bracketed = async function* (spool: Spool): AsyncGenerator<string> {
  yield '[';
  yield* spool.text();
  yield ']';
};

async function* archived(source: LogSource, options: WriteOptions): AsyncGenerator<Uint8Array> {
  const whole = new Whole(source, options);
  const summaries = new Spool(join(options.folder, 'summaries'));
  const { endedAt, submittedAt } = source.evaluation;
  try {
    yield* zipped(new Date(endedAt ?? submittedAt), async (add) => {
      await add('_journal/start.json', one(jsonText(whole.start())));
      for await (const document of whole.samples()) {
        await add(document.entryName, document.text());
        await summaries.add(document.summary);
      }
      await add('_journal/summaries/1.json', bracketed(summaries));
      await add('summaries.json', bracketed(summaries));
      await add('reductions.json', one(jsonText(whole.reductions())));
      await add('header.json', one(jsonText(whole.header())));
    });
  } finally {
    await summaries.remove();
  }
}

/**
 * An evaluation as a log of Inspect's, piece by piece. The same evaluation gives the same bytes.
 * @throws whatever its source does; `EvidenceGone` alone is told in the log
 */
export const inspectLog = (
  format: LogFormat,
  source: LogSource,
  options: WriteOptions,
): AsyncGenerator<string | Uint8Array> => (format === 'json' ? plain(source, options) : archived(source, options));
