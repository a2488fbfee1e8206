import type { Command } from 'commander';
import { toHex, verifierKey } from '@crucible/transparency';
import { displayableLine } from '@crucible/events';
import { fetchExport } from '../audit/export.ts';
import { checkProof, prove } from '../audit/prove.ts';
import { ownPublicKey, publicKey, publicKeyFrom } from '../audit/public-key.ts';
import { jsonOf, keptFrom, lineOf, verifyFile, verifyLive } from '../audit/verify.ts';
import { currentClient, saying } from '../client/access.ts';
import { resolveId } from '../client/evaluations.ts';
import { misuse } from '../client/failure.ts';
import { bytesText } from '../client/text.ts';
import { readSettings } from '../config.ts';
import { exitCodes } from '../exit.ts';
import { printJson, terminalSteps } from '../terminal.ts';

interface Json {
  readonly json?: true;
}

const collect = (path: string, before: readonly string[]): string[] => [...before, path];

interface VerifyWish extends Json {
  readonly export?: string;
  readonly publicKey?: string;
  readonly checkpoint: readonly string[];
}

const verify = async (wish: VerifyWish): Promise<void> => {
  const { home } = readSettings();
  const kept = wish.checkpoint.map(keptFrom);
  const result =
    wish.export === undefined
      ? await saying(async () => {
          const client = await currentClient();
          return verifyLive(client, home, { verifier: publicKey(wish.publicKey, home), kept });
        })
      : (await verifyFile(wish.export, { verifier: requiredKey(wish.publicKey), kept })).result;
  if (wish.json) printJson(jsonOf(result));
  else process.stdout.write(`${lineOf(result)}\n`);
  if (!result.ok) process.exitCode = exitCodes.failed;
};

/** A file brings no key of its own: believing the one beside it would prove nothing. */
const requiredKey = (given: string | undefined): ReturnType<typeof publicKeyFrom> => {
  if (given === undefined)
    throw misuse('a file is checked with the log’s public key, from somebody you trust', 'add --public-key K');
  return publicKeyFrom(given);
};

interface ExportWish extends Json {
  readonly out: string;
  readonly evaluation?: string;
  readonly evidence: boolean;
  readonly force?: true;
}

const exportLog = async ({ out, evaluation, evidence, force, json }: ExportWish): Promise<void> => {
  const { home } = readSettings();
  const { counts, bytes } = await saying(async () => {
    const client = await currentClient();
    const id = evaluation === undefined ? undefined : await resolveId(client, evaluation);
    return fetchExport(client, { out, evaluation: id, evidence, force: force === true });
  });
  if (out === '-') return;
  const { kind: _, ...numbers } = counts;
  const key = ownPublicKey(home);
  const publicKeyText = key === undefined ? null : verifierKey(key);
  if (json) return printJson({ file: out, bytes, ...numbers, publicKey: publicKeyText });
  const name = displayableLine(out, 300);
  process.stdout.write(`${numbers.events} events, ${bytesText(bytes)} written to ${name}\n`);
  process.stdout.write(`  ./crucible audit verify --export ${name} --public-key ${publicKeyText ?? 'K'}\n`);
};

interface ImportWish extends Json {
  readonly publicKey: string;
}

const importFile = async (file: string, { publicKey: given, json }: ImportWish): Promise<void> => {
  const steps = terminalSteps({ json: json === true });
  // What starts a platform is loaded only for this: the other verbs need none of it.
  const { importLog } = await import('../audit/import.ts');
  const { verified, imported } = await saying(() => importLog(readSettings(), file, publicKeyFrom(given), steps));
  if (imported === undefined) {
    if (json) printJson({ type: 'import', ...jsonOf(verified) });
    else process.stdout.write(`${lineOf(verified)}\nNothing was imported.\n`);
    process.exitCode = exitCodes.failed;
    return;
  }
  const { info, archive } = imported;
  if (json) return printJson({ type: 'import', ...jsonOf(verified), url: info.url, home: info.home, archive });
  process.stdout.write(`\n${lineOf(verified)}\n`);
  process.stdout.write(`An archive of it is up: ${info.url}   (state in ${info.home})\n`);
  if (!verified.evidence.included) process.stdout.write('The file was made without evidence: there is none to read.\n');
};

interface ProveWish extends Json {
  readonly out?: string;
  readonly publicKey?: string;
  readonly force?: true;
}

const proveEvent = async (event: string, { out, publicKey: given, force, json }: ProveWish): Promise<void> => {
  const { home } = readSettings();
  const verifier = publicKey(given, home);
  const proven = await saying(async () =>
    prove(await currentClient(), event, { verifier, out, force: force === true }),
  );
  if (json) return printJson({ ...proven, publicKey: verifierKey(verifier) });
  const [proof, body] = [proven.proofFile, proven.eventFile].map((path) => displayableLine(path, 300));
  process.stdout.write(
    `Event ${proven.position} stands in the log of ${proven.size} events with root ${proven.root}\n`,
  );
  process.stdout.write(`  ${proof}   the proof\n  ${body}   the event’s bytes\n`);
  process.stdout.write(
    `  ./crucible audit check-proof ${proof} --event ${body} --public-key ${verifierKey(verifier)}\n`,
  );
};

interface CheckWish extends Json {
  readonly event: string;
  readonly publicKey: string;
}

const check = (proof: string, { event, publicKey: given, json }: CheckWish): void => {
  const verifier = publicKeyFrom(given);
  const verdict = checkProof(proof, event, verifier);
  if (!verdict.ok) process.exitCode = exitCodes.failed;
  const position = verdict.ok ? verdict.index + 1 : null;
  const size = verdict.ok ? verdict.checkpoint.size : null;
  const root = verdict.ok ? toHex(verdict.checkpoint.root) : null;
  const reason = verdict.ok ? null : verdict.reason;
  if (json) return printJson({ ok: verdict.ok, position, size, root, reason, origin: verifier.name });
  process.stdout.write(
    verdict.ok
      ? `ok: event ${position} of the log ${verifier.name}, in its first ${size} events, root ${root}\n`
      : `wrong: ${displayableLine(verdict.reason, 1_000)}\n`,
  );
};

const KEY = '<key>';
const keyHelp = 'the log’s public key, or a file with it';

const registerVerify = (verb: Command): void => {
  verb
    .command('verify')
    .description('check everything: of the platform that runs, or of an export without any platform')
    .option('--export <file>', 'check this export')
    .option(`--public-key ${KEY}`, `${keyHelp} (the platform’s own when it is left out)`)
    .option(
      '--checkpoint <file>',
      'a checkpoint kept from earlier, which must still hold; may be repeated',
      collect,
      [],
    )
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Recomputes the Merkle tree over every event, and checks each checkpoint’s signature and root, each event’s place,
subject and id, each seal of evidence and each suite. Names the first position that is wrong.

Exit codes: 0 ok, 1 something is wrong, 2 misuse, 3 there is no platform.

Examples:
  $ ./crucible audit verify
  $ ./crucible audit verify --export log.ndjson --public-key crucible/log/1f0e…+5a6b7c8d+AZ…
  $ ./crucible audit verify --export log.ndjson --public-key key.txt --checkpoint kept.txt --json`,
    )
    .action(verify);
};

const registerExport = (verb: Command): void => {
  verb
    .command('export')
    .description('write the log with its checkpoints, suites and evidence into one file')
    .requiredOption('--out <file>', 'where to; - for standard output')
    .option('--evaluation <id>', 'only this evaluation: its events with proofs that they stand in the log')
    .option('--no-evidence', 'without what trials printed and did')
    .option('--force', 'replace the file if it is there')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
The file holds what programs under test printed: treat it as hostile, and as confidential as your evaluations are.

Examples:
  $ ./crucible audit export --out log.ndjson
  $ ./crucible audit export --out one.ndjson --evaluation 019af3c2-71b0
  $ ./crucible audit export --out - | zstd > log.ndjson.zst`,
    )
    .action(exportLog);
};

const registerImport = (verb: Command): void => {
  verb
    .command('import')
    .description('make an archive of an export, in an empty home: the same log, which is only read')
    .argument('<file>', 'a whole export')
    .requiredOption(`--public-key ${KEY}`, keyHelp)
    .option('--json', 'one JSON object a line: each step, then the result')
    .addHelpText(
      'after',
      `
Verifies the file first. The archive has every event at its position, so the same root and the same read model; it
runs no trials and its log never grows.

Examples:
  $ CRUCIBLE_HOME=/srv/archive CRUCIBLE_PORT=4701 ./crucible audit import log.ndjson --public-key key.txt`,
    )
    .action(importFile);
};

const registerProofs = (verb: Command): void => {
  verb
    .command('prove')
    .description('write a proof that an event stands in the log, for a third party')
    .argument('<event>', 'its id, or its position in the log')
    .option('--out <file>', 'where the proof goes; the event’s bytes go beside it')
    .option(`--public-key ${KEY}`, `${keyHelp} (the platform’s own when it is left out)`)
    .option('--force', 'replace files that are there')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
The proof is a C2SP tlog-proof: other tools can check it.

Examples:
  $ ./crucible audit prove 1234
  $ ./crucible audit prove 019af3c2-71b0-7c1e-9f00-0123456789ab --out proof.tlog-proof`,
    )
    .action(proveEvent);
  verb
    .command('check-proof')
    .description('check such a proof, without any platform')
    .argument('<proof>', 'the file with the proof')
    .requiredOption('--event <file>', 'the file with the event’s bytes')
    .requiredOption(`--public-key ${KEY}`, keyHelp)
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Exit codes: 0 it holds, 1 it does not, 2 misuse.

Examples:
  $ ./crucible audit check-proof event-1234.tlog-proof --event event-1234.json --public-key key.txt`,
    )
    .action(check);
};

export const register = (program: Command): void => {
  const verb = program.command('audit').description('check, export, import and prove what happened');
  registerVerify(verb);
  registerExport(verb);
  registerImport(verb);
  registerProofs(verb);
};
