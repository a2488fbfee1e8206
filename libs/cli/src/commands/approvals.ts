import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { currentClient, saying } from '../client/access.ts';
import { shortId } from '../client/evaluations.ts';
import { misuse } from '../client/failure.ts';
import { table } from '../client/table.ts';
import { duration, safe } from '../client/text.ts';
import { decide, findApproval, listApprovals } from '../client/trial-commands.ts';
import type { Approval, Decision } from '../client/trial-commands.ts';
import { reasonIn } from '../client/trial-verb.ts';
import { pc } from '../colours.ts';
import { printJson, tableColumns } from '../terminal.ts';

interface DecideOptions {
  readonly reason?: string;
  readonly input?: string;
  readonly json?: true;
}

const INPUT_BYTES_MAX = 64 * 1024;

const left = ({ expiresAt }: Approval): string => {
  const ms = Date.parse(expiresAt) - Date.now();
  return ms > 0 ? duration(ms) : 'expired';
};

/** What exactly waits: the arguments as they are, with the digest that a decision is about. */
const approvalLines = (item: Approval): string[] => [
  `${pc.bold(item.approvalId)}  ${pc.yellow(safe(item.tool, 64))}, turn ${item.turn}, ${left(item)} left`,
  `  ${pc.dim('trial')}      ${item.trialId} (${safe(item.sampleId, 60)}) of ${shortId(item.evaluationId)}`,
  `  ${pc.dim('arguments')}  ${safe(item.excerpt, 2_000)}`,
  `  ${pc.dim('SHA-256')}    ${item.argumentsDigest}`,
];

const FULL_MAX = 20;

const list = async (options: { readonly json?: true }): Promise<void> => {
  const client = await currentClient();
  await saying(async () => {
    const found = await listApprovals(client);
    if (options.json) return printJson(found);
    if (found.items.length === 0) return void process.stdout.write('Nothing waits for a decision.\n');
    const short = table(
      found.items.slice(FULL_MAX),
      [
        { title: 'approval', text: ({ approvalId }) => approvalId },
        { title: 'tool', text: ({ tool }) => safe(tool, 40) },
        { title: 'arguments', text: ({ excerpt }) => safe(excerpt, 200), shrinks: true },
        { title: 'left', text: left, align: 'right' },
      ],
      tableColumns(),
    );
    const lines = [
      ...found.items.slice(0, FULL_MAX).flatMap(approvalLines),
      ...(found.items.length > FULL_MAX ? short : []),
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  });
};

/** Arguments in place of the model's: JSON, or @FILE that holds it. @throws UsageFailure unless it is a JSON object */
const inputIn = (given: string | undefined): string => {
  if (given === undefined)
    throw misuse(
      'modify needs --input: the arguments to run in place of the model’s',
      'such as: --input \'{"command": "ls"}\', or --input @FILE',
    );
  let text = given;
  if (given.startsWith('@')) {
    try {
      text = readFileSync(given.slice(1), 'utf8');
    } catch (error) {
      throw misuse(
        `--input: ${safe(given.slice(1), 200)} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unreadable'})`,
      );
    }
  }
  if (Buffer.byteLength(text) > INPUT_BYTES_MAX) throw misuse(`--input has more than ${INPUT_BYTES_MAX} bytes`);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return text;
  } catch {
    // Said below, as of any other value.
  }
  throw misuse('--input must be a JSON object: the arguments by their names');
};

const decided: Readonly<Record<Decision['decision'], string>> = {
  approve: 'approved: it is run as it is',
  modify: 'approved with other arguments',
  reject: 'rejected: the model is told so',
  terminate: 'rejected, and the trial is being ended',
};

const decision =
  (kind: Decision['decision']) =>
  async (given: string, options: DecideOptions): Promise<void> => {
    const reason = reasonIn(options.reason);
    const inputText = kind === 'modify' ? inputIn(options.input) : undefined;
    const client = await currentClient();
    await saying(async () => {
      const { items } = await listApprovals(client);
      const approval = findApproval(items, given);
      const accepted = await decide(client, approval, {
        decision: kind,
        reason,
        ...(inputText === undefined ? {} : { inputText }),
      });
      if (options.json) return printJson({ approvalId: approval.approvalId, decision: kind, ...accepted });
      process.stdout.write(`${safe(approval.tool, 64)} ${decided[kind]}\n`);
    });
  };

export const register = (program: Command): void => {
  const verb = program
    .command('approvals')
    .description('tool calls that wait for a person: list them, decide on them')
    .addHelpText(
      'after',
      `
A suite asks for them with approval rules (docs/suites.md). Nobody deciding in time is a no. The first decision counts; it
is an event with your name, your reason and the digest of the arguments.

Examples:
  $ ./crucible approvals
  $ ./crucible approvals approve 019af3c4
  $ ./crucible approvals modify 019af3c4 --input '{"command": "ls /work"}' --reason "look first"`,
    );
  verb
    .command('list', { isDefault: true })
    .description('what waits now, oldest first, with the exact arguments')
    .option('--json', 'print one JSON object: { items, position }')
    .action(list);
  const one = (kind: Decision['decision'], description: string): Command =>
    verb
      .command(kind)
      .description(description)
      .argument('<approvalId>', 'its id, or the beginning of it')
      .option('--reason <text>', 'why, for the record')
      .option('--json', 'print one JSON object')
      .action(decision(kind));
  one('approve', 'let the call run as it is');
  one('modify', 'let the call run with other arguments').option('--input <json>', 'the arguments, as JSON or @FILE');
  one('reject', 'tell the model no');
  one('terminate', 'tell it no, and end its trial');
};
