import { ContentCorrupt, ContentMissing } from '@crucible/event-log';
import type { ContentStore } from '@crucible/event-log';
import { StoredSuites } from '@crucible/suite';
import { ZodError } from 'zod';

/** The suite cannot be had, and asking again will not change that. */
export class SuiteUnusable extends Error {
  override readonly name = 'SuiteUnusable';
}

/** What about a stored suite does not depend on the day: it is gone, it was altered, or it is no suite. */
const isForGood = (error: unknown): boolean =>
  error instanceof ContentMissing ||
  error instanceof ContentCorrupt ||
  error instanceof ZodError ||
  error instanceof SyntaxError;

/** The ids of a suite's samples, by their index. */
export class SampleIds {
  readonly #suites: StoredSuites;

  constructor(content: ContentStore) {
    this.#suites = new StoredSuites((digest) => content.get(digest));
  }

  /** @throws SuiteUnusable, or what the store failed with this time */
  async at(digest: string, sampleIndex: number): Promise<string> {
    const suite = await this.#suites.get(digest).catch((error: unknown) => {
      if (isForGood(error)) throw new SuiteUnusable(`its suite ${digest} cannot be read`, { cause: error });
      // Not passed on as it is: a store that is away stops those that need it, and not the whole schedule.
      throw new Error(`its suite ${digest} cannot be read just now`, { cause: error });
    });
    const id = suite.dataset.samples[sampleIndex]?.id;
    if (id === undefined) throw new SuiteUnusable(`its suite ${digest} has no sample ${sampleIndex}`);
    return id;
  }
}
