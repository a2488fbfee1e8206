import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { readSettings, withoutCrucible, type Settings } from '../config.ts';
import { exitCodes } from '../exit.ts';
import { findBrowser } from '../platform/browser.ts';
import { findProgram } from '../platform/command.ts';
import { messageOf } from '../platform/failure.ts';
import { aptInstall } from '../platform/packages.ts';
import { startEngine, type TestEngine } from '../platform/testing-engine.ts';
import { ensureWeb } from '../platform/web.ts';
import type { Steps } from '../platform/steps.ts';
import { terminalSteps } from '../terminal.ts';
import { countTests, lastLine, succeeded, sumCounts, type TestCounts, type VitestReport } from '../test-report.ts';

const tiers = ['unit', 'int', 'e2e'] as const;
type Tier = (typeof tiers)[number];
type TestOptions = Partial<Record<Tier, true>>;

interface Ground {
  /** Where the shared engine is, for specs that may not ask for one themselves. */
  readonly env: Readonly<Record<string, string>>;
  readonly release: () => Promise<void>;
}

const nothing: Ground = { env: {}, release: () => Promise.resolve() };

const groundOf = ({ socket, runtime, unwatchedRuntime, images, traceSocket, stop }: TestEngine): Ground => ({
  env: {
    CRUCIBLE_TEST_DOCKER_SOCKET: socket,
    CRUCIBLE_TEST_RUNTIME: runtime,
    CRUCIBLE_TEST_RUNTIME_UNWATCHED: unwatchedRuntime,
    CRUCIBLE_TEST_IMAGE: images['python'] ?? '',
    ...(traceSocket === undefined ? {} : { CRUCIBLE_TEST_TRACE_SOCKET: traceSocket }),
  },
  release: stop,
});

/** Does what some tests need; where it fails, they say so, each for itself, and the others can still run. */
const attempt = async <T>(work: () => Promise<T>, otherwise: T): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    process.stderr.write(`not everything the tests need is there: ${messageOf(error)}\n`);
    return otherwise;
  }
};

/** What the chosen tests need and a bare machine lacks, installed in one go. */
const install = async (settings: Settings, steps: Steps, chosen: readonly Tier[]): Promise<void> => {
  if (!chosen.includes('int') && !chosen.includes('e2e')) return;
  const path = settings.inherited['PATH'] ?? '';
  const missing = [
    ...(findProgram('nats-server', path) ? [] : ['nats-server']),
    ...(findProgram('dockerd', path) ? [] : ['docker.io']),
    ...(chosen.includes('e2e') && !findBrowser(path) ? ['chromium'] : []),
  ];
  if (missing.length > 0) {
    await steps.step('packages', async (note) => {
      note(`installing ${missing.join(', ')}`);
      await aptInstall(missing);
    });
  }
  if (chosen.includes('e2e')) await steps.step('web', (note) => ensureWeb(settings.repository, note));
};

/** An engine is held for all files of the tier that use it, so that they need not start it one after the other. */
const groundFor = (steps: Steps, tier: Tier): Promise<Ground> =>
  tier === 'int'
    ? attempt(async () => groundOf(await steps.step('engine', () => startEngine())), nothing)
    : Promise.resolve(nothing);

const runVitest = (settings: Settings, ground: Ground, argv: readonly string[]): Promise<number> =>
  new Promise((resolve) => {
    const vitest = [join(settings.repository, 'node_modules/vitest/vitest.mjs'), 'run', ...argv];
    const child = spawn(process.execPath, vitest, {
      cwd: settings.repository,
      env: { ...withoutCrucible(), ...ground.env },
      stdio: 'inherit',
    });
    child.on('error', () => resolve(1));
    child.on('close', (code) => resolve(code ?? 1));
  });

const readReport = (path: string): VitestReport | undefined => {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as VitestReport;
  } catch {
    return undefined;
  }
};

interface Run {
  readonly settings: Settings;
  readonly steps: Steps;
  readonly filters: readonly string[];
  /** A folder for reports. */
  readonly dir: string;
}

/**
 * One tier in a process of its own. All at once would have every tier's servers up from the first test to the last, and
 * what bounds its time in one tier would share the machine with them.
 */
const runTier = async ({ settings, steps, filters, dir }: Run, tier: Tier): Promise<TestCounts> => {
  const report = join(dir, `${tier}.json`);
  const ground = await groundFor(steps, tier);
  try {
    const secondTries = join(settings.repository, 'libs/cli/src/second-tries.ts');
    const reporters = [
      '--reporter=default',
      `--reporter=${secondTries}`,
      '--reporter=json',
      `--outputFile.json=${report}`,
    ];
    // What a filter names need not be in every tier; without one, a tier without tests is a failure.
    const mayBeEmpty = filters.length > 0 ? ['--passWithNoTests'] : [];
    const argv = ['--project', tier, ...mayBeEmpty, ...reporters, ...filters];
    const code = await runVitest(settings, ground, argv);
    return countTests(readReport(report), code);
  } finally {
    await ground.release();
  }
};

const test = async (filters: string[], options: TestOptions): Promise<void> => {
  const settings = readSettings();
  const named = tiers.filter((tier) => options[tier]);
  const chosen = named.length > 0 ? named : tiers;
  const steps = terminalSteps({ json: false, shownFromMs: 300 });
  const dir = mkdtempSync(join(tmpdir(), 'crucible-report-'));
  try {
    await attempt(() => install(settings, steps, chosen), undefined);
    const counts: TestCounts[] = [];
    for (const tier of chosen) counts.push(await runTier({ settings, steps, filters, dir }, tier));
    const sum = sumCounts(counts);
    process.exitCode = succeeded(sum) ? exitCodes.ok : exitCodes.failed;
    process.stdout.write(`${lastLine(sum)}\n`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

export const register = (program: Command): void => {
  program
    .command('test [filter...]')
    .description('run the tests: pure ones, those against real servers, and the whole platform with a browser')
    .option('--unit', 'only tests without input and output')
    .option('--int', 'only tests against real servers')
    .option('--e2e', 'only tests of the whole platform')
    .addHelpText(
      'after',
      `
A filter is part of a test file's path. The last line is: tests: N passed, N failed, N skipped

Examples:
  $ ./crucible test
  $ ./crucible test --unit
  $ ./crucible test --int libs/event-log`,
    )
    .action(test);
};
