import { join, resolve } from 'node:path';
import { Detector, rulesWith } from '@crucible/detectors';
import type { CompiledRules, EventKind, Match, Rule } from '@crucible/detectors';
import type { TrialView } from '@crucible/domain';
import type { Command } from 'commander';
import { currentClient, saying } from '../client/access.ts';
import { paintSeverity } from '../client/alert-text.ts';
import type { ApiClient } from '../client/api-client.ts';
import { findTrial } from '../client/description.ts';
import { listTrials, resolveId } from '../client/evaluations.ts';
import { pastEvents } from '../client/past-evidence.ts';
import { checkRuleFiles, loadRuleFiles, problemLine } from '../client/rule-files.ts';
import { table } from '../client/table.ts';
import { safe } from '../client/text.ts';
import { pc } from '../colours.ts';
import { readSettings } from '../config.ts';
import { UsageFailure } from '../exit.ts';
import { locateHome } from '../platform/home.ts';
import { printJson } from '../terminal.ts';

const write = (lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);
const columns = (): number => process.stdout.columns ?? 120;

const told = (rule: Rule) => ({
  id: rule.id,
  version: rule.version,
  title: rule.title,
  severity: rule.severity,
  capability: rule.capability,
  response: rule.response,
  on: rule.on,
  tags: rule.tags,
  threshold: rule.threshold,
  windowMs: rule.windowMs,
  digest: rule.digest,
  path: rule.path,
});

const list = (options: { readonly json?: true }): void => {
  const folder = join(locateHome(readSettings().home).root, 'rules');
  const loaded = rulesWith(folder);
  if (!loaded.ok) throw new UsageFailure(loaded.problems.map(problemLine).join('\n       '));
  const { rules, digest } = loaded.rules;
  if (options.json) return printJson({ digest, rules: rules.map(told) });
  const lines = table(
    rules,
    [
      { title: 'rule', text: ({ id }) => id },
      {
        title: 'severity',
        text: ({ severity }) => severity,
        paint: (text, { severity }) => paintSeverity(severity, text),
      },
      { title: 'capability', text: ({ capability }) => capability, dropOrder: 1 },
      { title: 'response', text: ({ response }) => response, dropOrder: 3 },
      { title: 'from', text: ({ path }) => (path.startsWith(`${folder}/`) ? 'operator' : ''), dropOrder: 2 },
      { title: 'title', text: ({ title }) => safe(title), shrinks: true },
    ],
    columns(),
  );
  write([...lines, '', pc.dim(`${rules.length} rules, digest ${digest}`)]);
};

const check = (files: readonly string[], options: { readonly json?: true }): void => {
  const { rules } = checkRuleFiles(files.map((file) => resolve(file)));
  if (options.json) return printJson({ rules: rules.map(told) });
  write(rules.map(({ id, version, on }) => `${pc.green('✓')} ${id} version ${version}, on ${on.join(', ')}`));
};

/** What a rule would have raised in a trial. */
interface Raised {
  readonly trial: TrialView;
  readonly match: Match;
}

const tried = async (client: ApiClient, trial: TrialView, rules: CompiledRules): Promise<Raised[]> => {
  const detector = new Detector(rules);
  const kinds = new Set<EventKind>(rules.rules.flatMap(({ on }) => on));
  const raised: Raised[] = [];
  for await (const event of pastEvents(client, trial, kinds)) {
    for (const match of detector.take(event)) raised.push({ trial, match });
  }
  return raised;
};

const placeText = ({ points }: Match): string => {
  const point = points.at(-1);
  if (point === undefined) return '';
  return point.record === null
    ? `${point.stream ?? ''} ${point.offset ?? ''}`.trim()
    : `${point.channel} ${point.record}`;
};

const raisedLines = (raised: readonly Raised[]): string[] =>
  table(
    raised,
    [
      { title: 'sample', text: ({ trial }) => safe(trial.sampleId, 40) },
      { title: 'trial', text: ({ trial }) => trial.id, dropOrder: 2 },
      { title: 'rule', text: ({ match }) => match.rule.id, dropOrder: 1 },
      { title: 'held', text: ({ match }) => `${match.count}×`, align: 'right' },
      { title: 'evidence', text: ({ match }) => placeText(match) },
      { title: 'what was seen', text: ({ match }) => safe(match.summary), shrinks: true },
    ],
    columns(),
  );

interface TestOptions {
  readonly evaluation: string;
  readonly trial?: string;
  readonly json?: true;
}

const test = async (files: readonly string[], options: TestOptions): Promise<void> => {
  const rules = loadRuleFiles(files.map((file) => resolve(file)));
  const client = await currentClient();
  await saying(async () => {
    const id = await resolveId(client, options.evaluation);
    const all = await listTrials(client, id);
    const trials = options.trial === undefined ? all : [findTrial(all, options.trial)];
    const raised: Raised[] = [];
    for (const trial of trials) raised.push(...(await tried(client, trial, rules)));
    if (options.json) return raised.forEach(({ trial, match }) => printJson(raisedJson(trial, match)));
    const hit = new Set(raised.map(({ trial }) => trial.id)).size;
    if (raised.length > 0) write([...raisedLines(raised), '']);
    write([`${raised.length} would have been raised in ${hit} of ${trials.length} trials`]);
    const unseen = rules.rules.filter(({ on }) => on.includes('canary')).map(({ id: rule }) => rule);
    if (unseen.length > 0)
      write([pc.dim(`not tried: ${unseen.join(', ')}; canaries are recognised only while a trial runs`)]);
  });
};

const raisedJson = (trial: TrialView, match: Match) => ({
  trialId: trial.id,
  sampleId: trial.sampleId,
  rule: { id: match.rule.id, version: match.rule.version, digest: match.rule.digest },
  severity: match.rule.severity,
  count: match.count,
  summary: match.summary,
  evidence: match.points,
});

export const register = (program: Command): void => {
  const rules = program.command('rules').description('the rules by which trials are watched, and trying new ones');
  rules
    .command('list')
    .description('the shipped rules and those of the operator, in <home>/rules')
    .option('--json', 'as one JSON object')
    .action(list);
  rules
    .command('check <file...>')
    .description('read rules as the platform would, and say where they are wrong')
    .option('--json', 'as one JSON object')
    .action(check);
  rules
    .command('test <file...>')
    .description('run rules over the evidence of an evaluation, before they are enabled')
    .requiredOption('--evaluation <id>', 'whose trials to look at')
    .option('--trial <trial>', 'only this one: a sample’s id, or a trial’s such as 0-1-1')
    .option('--json', 'one JSON object a line for each alert that would have been raised')
    .addHelpText(
      'after',
      `
Examples:
  $ ./crucible rules check mine.yaml
  $ ./crucible rules test mine.yaml --evaluation 0199
  $ cp mine.yaml .crucible/rules/          enable it: executors read the folder when they start`,
    )
    .action(test);
};
