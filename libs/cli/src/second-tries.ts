/** The part of vitest's account of a test that this reporter reads. */
interface TestCase {
  readonly fullName: string;
  readonly module: { readonly relativeModuleId: string };
  diagnostic(): { readonly flaky: boolean } | undefined;
}

/**
 * A reporter for vitest: names at the end every test that failed first and passed when tried again. Tests on a shared
 * machine get a second try, so that one pause of it does not hold up a change; that they
 * needed it must be seen all the same.
 */
export default class SecondTries {
  readonly #names: string[] = [];

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky === true) this.#names.push(`${test.module.relativeModuleId} > ${test.fullName}`);
  }

  onTestRunEnd(): void {
    for (const name of this.#names) process.stdout.write(`passed only on its second try: ${name}\n`);
  }
}
