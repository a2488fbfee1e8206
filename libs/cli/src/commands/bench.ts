import { Argument } from 'commander';
import type { Command } from 'commander';
import type { BenchReport } from '../bench/report.ts';
import { readSettings } from '../config.ts';
import type { PlatformInfo } from '../platform/platform.ts';
import { wholeNumber } from '../client/whole-number.ts';

interface BenchOptions {
  readonly json?: true;
  readonly trials?: string;
  readonly rounds: string;
  readonly viewers: string;
  readonly events?: string;
  readonly entries?: string;
}

const names = [
  'sandbox',
  'latency',
  'bootstrap',
  'fanout',
  'append',
  'project',
  'verify',
  'trace',
  'stop',
  'transcript',
  'agent',
] as const;
type Name = (typeof names)[number];

const platform = async (): Promise<PlatformInfo> => {
  const [{ ensurePlatform }, { terminalSteps }] = await Promise.all([
    import('../platform/platform.ts'),
    import('../terminal.ts'),
  ]);
  return ensurePlatform({
    settings: readSettings(),
    steps: terminalSteps({ json: false, shownFromMs: 300, toError: true }),
  });
};

const measure = async (name: Name, options: BenchOptions): Promise<BenchReport> => {
  const trials = wholeNumber('--trials', options.trials ?? '40', 10_000);
  const rounds = wholeNumber('--rounds', options.rounds, 100);
  const note = (line: string): void => void process.stderr.write(`${line}\n`);
  switch (name) {
    case 'sandbox': {
      const { benchSandbox } = await import('../bench/sandbox.ts');
      return benchSandbox(platform, { trials, rounds }, note);
    }
    case 'latency': {
      const { benchLatency } = await import('../bench/latency.ts');
      return benchLatency(await platform(), { runs: trials }, note);
    }
    case 'fanout': {
      const { benchFanout } = await import('../bench/fanout.ts');
      const viewers = wholeNumber('--viewers', options.viewers, 20_000);
      return benchFanout(
        { viewers, rates: [5, 10, 20, 30, 40, 60, 80, 120, 160, 240, 320, 480, 720, 1080], secondsEach: 10 },
        note,
      );
    }
    case 'append': {
      const { benchAppend } = await import('../bench/append.ts');
      const events = wholeNumber('--events', options.events ?? '20000', 1_000_000);
      return benchAppend({ events, rounds }, note);
    }
    case 'project': {
      const { benchProject } = await import('../bench/project.ts');
      const sizes =
        options.events === undefined
          ? [10_000, 100_000, 1_000_000]
          : options.events.split(',').map((text) => wholeNumber('--events', text, 5_000_000));
      return benchProject(sizes, note);
    }
    case 'verify': {
      const { benchVerify } = await import('../bench/verify.ts');
      return benchVerify({ events: wholeNumber('--events', options.events ?? '200000', 5_000_000), rounds }, note);
    }
    case 'trace': {
      const { benchTrace } = await import('../bench/trace.ts');
      return benchTrace({ rounds }, note);
    }
    case 'stop': {
      const { benchStop } = await import('../bench/stop.ts');
      return benchStop({ sandboxes: Math.min(trials, 200), rounds }, note);
    }
    case 'transcript': {
      const { benchTranscript } = await import('../bench/transcript.ts');
      const sizes = (options.entries ?? '1000,10000,100000')
        .split(',')
        .map((text) => wholeNumber('--entries', text, 400_000));
      return benchTranscript({ sizes, rounds }, note);
    }
    case 'agent': {
      const { benchAgent } = await import('../bench/agent.ts');
      return benchAgent({ trials: wholeNumber('--trials', options.trials ?? '100', 200), rounds }, note);
    }
    case 'bootstrap': {
      const { benchBootstrap } = await import('../bench/bootstrap.ts');
      return benchBootstrap(note);
    }
  }
};

const bench = async (name: Name, options: BenchOptions): Promise<void> => {
  const { printReport } = await import('../bench/report.ts');
  printReport(await measure(name, options), options.json === true);
};

export const register = (program: Command): void => {
  program
    .command('bench')
    .description('measure this platform on this machine, against a floor in the same run')
    .addArgument(new Argument('<name>', 'what to measure').choices(names))
    .option('--trials <n>', 'trials a round (latency: runs); 40, and 100 at once for agent')
    .option('--rounds <n>', 'paired rounds after a warm-up', '5')
    .option(
      '--events <n>',
      'events in the exported log (verify, 200000), a round (append, 20000), or logs (project, 10000,100000,1000000)',
    )
    .option('--entries <n>', 'entries of the transcripts (transcript, 1000,10000,100000)')
    .option('--viewers <n>', 'viewers of fanout', '1000')
    .option('--json', 'only the JSON')
    .addHelpText(
      'after',
      `
  sandbox    the warm pool, and trials through the platform, against the same containers by bare engine calls
  latency    submit to trial.started, to the first output byte, to evaluation.completed, at a client
  fanout     from append to each of many viewers of one evaluation, at rising rates
  append     appends through the event log against plain publishes of the same bytes
  project    the read model from stored events, live and rebuilt, against COPY of the same rows
  verify     offline verification of an exported log against bare SHA-256 over the same bytes
  trace      guests with the kernel trace on against off, and the flood it keeps up with
  stop       an emergency stop of --trials running sandboxes (aim: 50, 20 rounds) against killing as many plain containers
  transcript time and memory of a browser that opens, scrolls and leaps through transcripts of --entries
  agent      overhead a turn and a tool call of agents in real sandboxes, many at once, and memory of those that wait, beside a bare client
  bootstrap  the steps of up: new home, later, while running

Examples:
  $ ./crucible bench sandbox
  $ ./crucible bench latency --trials 100 --json
  $ ./crucible bench stop --trials 50 --rounds 20`,
    )
    .action(bench);
};
