/** The part of vitest's JSON report that counts. */
export interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Counts of a run. What failed without any test of its own failing is a failure too: a file that could not be loaded, a
 * hook that threw, an error outside of tests or before the first, a runner that died without a report. A filter that
 * matches no file is none, of which the runner says 0: then nothing ran, which is no success of the whole either.
 */
export const countTests = (report: VitestReport | undefined, exitCode: number): TestCounts => {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = report.numFailedTests + brokenFiles;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
};

/** Counts of several runs, as if they had been one. */
export const sumCounts = (counts: readonly TestCounts[]): TestCounts =>
  counts.reduce(
    (sum, { passed, failed, skipped }) => ({
      passed: sum.passed + passed,
      failed: sum.failed + failed,
      skipped: sum.skipped + skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );

export const lastLine = ({ passed, failed, skipped }: TestCounts): string =>
  `tests: ${passed} passed, ${failed} failed, ${skipped} skipped`;

/** Passed only if something ran and nothing failed. */
export const succeeded = ({ passed, failed }: TestCounts): boolean => failed === 0 && passed > 0;
