import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { currentClient, saying } from '../client/access.ts';
import { argumentLines, argumentsOf } from '../client/approval-arguments.ts';
import { shortId } from '../client/evaluations.ts';
import { misuse } from '../client/failure.ts';
import { table } from '../client/table.ts';
import { duration, safe } from '../client/text.ts';
import { decide, findApproval, listApprovals } from '../client/trial-commands.ts';
import type { Approval, Decision } from '../client/trial-commands.ts';
import { reasonIn } from '../client/trial-verb.ts';
import { pc } from '../colours.ts';
import { exitCodes } from '../exit.ts';
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

const headLines = (item: Approval): string[] => [
  `${pc.bold(item.approvalId)}  ${pc.yellow(safe(item.tool, 64))}, turn ${item.turn}, ${left(item)} left`,
  `  ${pc.dim('trial')}      ${item.trialId} (${safe(item.sampleId, 60)}) of ${shortId(item.evaluationId)}`,
];

/** What waits: the beginning of the arguments on one line, with the digest that a decision is about. */
const approvalLines = (item: Approval): string[] => [
  ...headLines(item),
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
        { title: 'SHA-256', text: ({ argumentsDigest }) => argumentsDigest, dropOrder: 1 },
      ],
      tableColumns(),
    );
    const lines = [
      ...found.items.slice(0, FULL_MAX).flatMap(approvalLines),
      ...(found.items.length > FULL_MAX ? short : []),
      pc.dim('./crucible approvals show ID shows one with all of its arguments'),
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  });
};

const show = async (given: string, options: { readonly json?: true }): Promise<void> => {
  const client = await currentClient();
  await saying(async () => {
    const { items } = await listApprovals(client);
    const approval = findApproval(items, given);
    const found = await argumentsOf(client, approval);
    const isProven = found.kind === 'exact' && found.isProven;
    // Whoever decides by a program has to be able to ask whether what was read is what would be run.
    if (!isProven) process.exitCode = exitCodes.failed;
    const { text = null, digest = null } = found.kind === 'exact' ? found : {};
    if (options.json) return printJson({ ...approval, arguments: text, computedDigest: digest, isProven });
    const lines = [...headLines(approval), ...argumentLines(approval, found, tableColumns())];
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
    .description('tool calls that wait for a person: list them, read them, decide on them')
    .addHelpText(
      'after',
      `
A suite asks for them with approval rules (docs/suites.md). Nobody deciding in time is a no. The first decision counts; it
is an event with your name, your reason and the digest of the arguments.

Examples:
  $ ./crucible approvals
  $ ./crucible approvals show 019af3c4
  $ ./crucible approvals approve 019af3c4
  $ ./crucible approvals modify 019af3c4 --input '{"command": "ls /work"}' --reason "look first"`,
    );
  verb
    .command('list', { isDefault: true })
    .description('what waits now, oldest first, with the beginning of the arguments and their SHA-256')
    .option('--json', 'print one JSON object: { items, position }')
    .action(list);
  verb
    .command('show')
    .description('one of them with its exact arguments, whole, and whether their SHA-256 is the one of the request')
    .argument('<approvalId>', 'its id, or the beginning of it')
    .option('--json', 'print one JSON object: the request, { arguments, computedDigest, isProven }')
    .addHelpText(
      'after',
      `
The arguments are read from the transcript, and their SHA-256 is computed anew. Control characters and letters nobody sees are
shown as signs, a tab as ␉; lines that are too long go on behind ┊. With --json \`arguments\` is the exact text that the
SHA-256 is over. Reading is on the record.

Exit codes: 0 the SHA-256 is that of the request, 1 it is not or the arguments are not to be had, 2 misuse.

Examples:
  $ ./crucible approvals show 019af3c4
  $ ./crucible approvals show 019af3c4 --json | jq -rj .arguments | sha256sum`,
    )
    .action(show);
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
