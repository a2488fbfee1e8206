import { describe, expect, it } from 'vitest';
import { countTests, lastLine, succeeded, sumCounts, type VitestReport } from './test-report.ts';

const report = (over: Partial<VitestReport>): VitestReport => ({
  numPassedTests: 0,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [],
  ...over,
});
const file = (status: string, ...tests: string[]) => ({
  status,
  assertionResults: tests.map((each) => ({ status: each })),
});

describe('counting tests', () => {
  it('reports what ran', () => {
    const counts = countTests(
      report({ numPassedTests: 2, numPendingTests: 1, numTodoTests: 1, testResults: [file('passed')] }),
      0,
    );
    expect(lastLine(counts)).toBe('tests: 2 passed, 0 failed, 2 skipped');
    expect(succeeded(counts)).toBe(true);
  });

  it('counts a file that could not be loaded beside one whose tests failed', () => {
    const results = [file('failed'), file('failed', 'passed', 'failed'), file('passed', 'passed')];
    const counts = countTests(report({ numPassedTests: 2, numFailedTests: 1, testResults: results }), 1);
    expect(counts).toEqual({ passed: 2, failed: 2, skipped: 0 });
  });

  it('counts an error outside of any test', () => {
    const counts = countTests(report({ numPassedTests: 5, testResults: [file('passed', 'passed')] }), 1);
    expect(counts.failed).toBe(1);
    expect(succeeded(counts)).toBe(false);
  });

  it('counts a runner that left no report', () => {
    expect(countTests(undefined, 134)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it('is no success when nothing ran', () => {
    const counts = countTests(report({}), 0);
    expect(lastLine(counts)).toBe('tests: 0 passed, 0 failed, 0 skipped');
    expect(succeeded(counts)).toBe(false);
  });

  it('counts what broke before the first test', () => {
    expect(countTests(report({}), 1)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it('sums what ran one after the other, in which one failure is one of the whole', () => {
    const passed = countTests(report({ numPassedTests: 3, testResults: [file('passed')] }), 0);
    const broken = countTests(undefined, 1);
    const nothing = countTests(report({}), 0);
    expect(lastLine(sumCounts([passed, nothing]))).toBe('tests: 3 passed, 0 failed, 0 skipped');
    expect(succeeded(sumCounts([passed, nothing]))).toBe(true);
    expect(lastLine(sumCounts([passed, broken, { passed: 1, failed: 2, skipped: 4 }]))).toBe(
      'tests: 4 passed, 3 failed, 4 skipped',
    );
    expect(succeeded(sumCounts([passed, broken]))).toBe(false);
    expect(succeeded(sumCounts([nothing, nothing]))).toBe(false);
  });
});
