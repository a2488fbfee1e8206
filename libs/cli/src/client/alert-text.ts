import type { AlertItem } from '@crucible/api';
import { evidencePointName } from '@crucible/domain';
import type { AlertCounts } from '@crucible/domain';
import type { Severity } from '@crucible/events';
import { pc } from '../colours.ts';
import { severitiesWorstFirst } from './alerts.ts';
import { shortId } from './evaluations.ts';
import { LOOSER } from './result.ts';
import { table } from './table.ts';
import { joinedLines, safe, sinceStart } from './text.ts';

const SEVERITY_COLUMNS = 8;
const SUMMARY_CHARS_MAX = 300;

const paints: Readonly<Record<Severity, (text: string) => string>> = {
  low: pc.dim,
  medium: pc.yellow,
  high: pc.red,
  critical: (text) => pc.bold(pc.red(text)),
};

/** Colours a severity by how bad it is. */
export const paintSeverity = (severity: Severity, text: string = severity): string => paints[severity](text);

/** `1 critical, 3 high`, or `none`. */
export const alertCountsText = (counts: AlertCounts): string => {
  const parts = severitiesWorstFirst.flatMap((severity) =>
    counts[severity] > 0 ? [paintSeverity(severity, `${counts[severity]} ${severity}`)] : [],
  );
  return parts.length === 0 ? 'none' : parts.join(', ');
};

/** How much of an id lists show. Alerts of one trial may be of one millisecond, so it goes beyond the time stamp. */
export const shortAlertId = (id: string): string => id.slice(0, 18);

const ruleName = ({ rule }: AlertItem): string => `${safe(rule.id, 100)}@${rule.version}`;
const times = (count: number): string => `${count} ${count === 1 ? 'time' : 'times'}`;
const responses: Readonly<Record<AlertItem['response'], readonly string[]>> = {
  record: ['recorded only'],
  alert: [],
  kill: [pc.red('killed the sandbox')],
};

const stateOf = ({ acknowledged }: AlertItem): string =>
  acknowledged === null
    ? 'open'
    : pc.green(`acknowledged by ${safe(acknowledged.by, 100)}: ${safe(acknowledged.note, SUMMARY_CHARS_MAX)}`);

const foreignLines = ({ foreignTrial }: AlertItem): string[] =>
  foreignTrial === null
    ? []
    : [pc.red(`the canary is of another trial: ${foreignTrial.evaluationId} ${foreignTrial.trialId}`)];

const headOf = (alert: AlertItem): string =>
  [
    shortAlertId(alert.id),
    paintSeverity(alert.severity, alert.severity.padEnd(SEVERITY_COLUMNS)),
    ruleName(alert),
    pc.bold(safe(alert.rule.title, 200)),
  ].join('  ');

/** One alert of a list: what, where and how often, and who looked at it. Every text in it is hostile until it is here. */
export const alertLines = (alert: AlertItem, columns: number): string[] => [
  headOf(alert),
  ...[
    safe(alert.summary, SUMMARY_CHARS_MAX),
    ...foreignLines(alert),
    ...joinedLines(
      [
        `${shortId(alert.evaluationId)} ${alert.trialId}`,
        times(alert.count),
        alert.raisedAt.slice(0, 19).replace('T', ' '),
        ...responses[alert.response],
        ...(alert.looserProfile ? [pc.yellow(LOOSER)] : []),
        stateOf(alert),
      ],
      columns - 2,
    ),
  ].map((line) => `  ${line}`),
];

/** One alert of a trial with the evidence it rests on. @param startMs when the trial began, in milliseconds since 1970 */
export const trialAlertLines = (alert: AlertItem, startMs: number): string[] => {
  const names = alert.evidence.map(evidencePointName);
  const wide = Math.max(...names.map((name) => name.length));
  return [
    headOf(alert),
    `  ${[safe(alert.summary, SUMMARY_CHARS_MAX), times(alert.count), ...responses[alert.response], stateOf(alert)].join(pc.dim(' · '))}`,
    ...foreignLines(alert).map((line) => `  ${line}`),
    ...alert.evidence.map(
      ({ at, excerpt }, index) =>
        `    ${(names[index] ?? '').padEnd(wide)}  ${pc.dim(sinceStart(at - startMs).padStart(10))}  ${safe(excerpt, SUMMARY_CHARS_MAX)}`,
    ),
  ];
};

/** The worst alerts of an evaluation as a table, and where the others are. */
export const worstAlertLines = (
  alerts: readonly AlertItem[],
  { counts, columns }: { readonly counts: AlertCounts; readonly columns: number },
): string[] => {
  const [first] = alerts;
  if (first === undefined) return [];
  const lines = table(
    alerts,
    [
      {
        title: 'alert',
        text: ({ severity }) => severity,
        paint: (text, { severity }) => paintSeverity(severity, text),
      },
      { title: 'rule', text: ruleName },
      { title: 'trial', text: ({ trialId }) => trialId },
      { title: 'summary', text: ({ summary }) => safe(summary, SUMMARY_CHARS_MAX), shrinks: true },
    ],
    columns,
  );
  const more = severitiesWorstFirst.reduce((sum, severity) => sum + counts[severity], 0) - alerts.length;
  const where = `./crucible alerts --evaluation ${shortId(first.evaluationId)}`;
  return [...lines, pc.dim(more > 0 ? `and ${more} more: ${where}` : `all of them: ${where}`)];
};
