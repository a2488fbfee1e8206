import type { AlertItem, TrialAnswer } from '@crucible/api';
import type { EvaluationView, TrialView } from '@crucible/domain';
import { displayable } from '@crucible/events';
import { isProgramInput } from '@crucible/suite';
import { pc } from '../colours.ts';
import { alertCountsText, trialAlertLines, worstAlertLines } from './alert-text.ts';
import { misuse } from './failure.ts';
import { clockStartMs } from './kernel-text.ts';
import { endOf, isLooser, resultLines } from './result.ts';
import { bytesText, duration, paint, safe, scoreText } from './text.ts';
import { asksModel, costText, countText, hasUsage, subjectText, usageText } from './usage-text.ts';

const NAME_COLUMNS = 12;
const fact = (name: string, value: string): string => `${pc.dim(name.padEnd(NAME_COLUMNS))} ${value}`;
const SOURCE_LINES_MAX = 40;
const SOURCE_CHARS_MAX = 4_000;

/** The trial that a person means: by its id, or by its sample's id, of which the latest attempt is taken. */
export const findTrial = (trials: readonly TrialView[], given: string): TrialView => {
  const named = trials.filter((trial) => trial.id === given || trial.sampleId === given);
  const found = named.find((trial) => trial.id === given) ?? named.findLast((trial) => trial.latest) ?? named.at(-1);
  if (found !== undefined) return found;
  const some = trials.slice(0, 5).map(({ sampleId }) => safe(sampleId, 60));
  throw misuse(
    `this evaluation has no trial ${safe(given, 60)}`,
    some.length > 0 ? `such as: ${some.join(', ')}` : 'none has been dispatched yet',
  );
};

const budgetText = ({ budget }: EvaluationView): string[] => {
  const { tokensMax, costMicroUsdMax, callsMax, timeMsMax } = budget;
  const bounds = [
    ...(tokensMax === null ? [] : [`${countText(tokensMax)} tokens`]),
    ...(costMicroUsdMax === null ? [] : [costText(costMicroUsdMax)]),
    ...(callsMax === null ? [] : [`${callsMax} calls`]),
    ...(timeMsMax === null ? [] : [duration(timeMsMax)]),
  ];
  return bounds.length === 0 ? [] : [fact('budget', bounds.join(', '))];
};

const subjectLines = (evaluation: EvaluationView): string[] => {
  if (!asksModel(evaluation)) return [];
  const { suite, subject, usage } = evaluation;
  return [
    fact('subject', `${subject.kind} ${pc.bold(subjectText(subject))}`),
    ...(subject.kind === 'agent' && subject.image !== null ? [fact('image', safe(subject.image, 120))] : []),
    ...(suite.capability === null ? [] : [fact('measures', suite.capability)]),
    fact('used', usageText(usage)),
    ...budgetText(evaluation),
  ];
};

/** An evaluation with its trials and the worst of its alerts, as `show` prints it. */
export const evaluationLines = (
  evaluation: EvaluationView,
  trials: readonly TrialView[],
  alerts: readonly AlertItem[],
  view: { readonly columns: number; readonly nowMs: number; readonly url: string },
): string[] => {
  const worst = worstAlertLines(alerts, { counts: evaluation.alerts, columns: view.columns });
  const page = { evaluation, trials: new Map(trials.map((trial) => [trial.id, trial])), position: evaluation.position };
  return [
    fact('evaluation', evaluation.id),
    fact(
      'suite',
      `${safe(evaluation.suite.title, 120)} (${safe(evaluation.suite.name, 64)} ${safe(evaluation.suite.version, 20)})`,
    ),
    fact('digest', pc.dim(safe(evaluation.suite.digest, 64))),
    ...subjectLines(evaluation),
    fact('submitted', `${evaluation.submittedAt} by ${safe(evaluation.submittedBy, 100)}`),
    fact('concurrency', `${evaluation.concurrency} at once`),
    ...(evaluation.cancelReason === null ? [] : [fact('cancelled', safe(evaluation.cancelReason, 500))]),
    ...(evaluation.looserProfile
      ? [fact('profile', pc.yellow('some trials ran in a profile that is looser than strict'))]
      : []),
    fact('page', view.url),
    fact('alerts', alertCountsText(evaluation.alerts)),
    ...(worst.length > 0 ? ['', ...worst] : []),
    '',
    ...resultLines(page, { ...view, whole: true }),
  ];
};

const limitsText = ({ limits }: TrialView): string[] => {
  if (limits === null) return [];
  const { cpuMillis, memoryBytesMax, pidsMax, diskBytesMax, wallTimeMsMax, outputBytesMax } = limits;
  return [
    fact(
      'limits',
      `${cpuMillis / 1_000} CPU, ${bytesText(memoryBytesMax)} memory, ${pidsMax} processes, ${bytesText(diskBytesMax)} disk, ${duration(wallTimeMsMax)}, ${bytesText(outputBytesMax)} output`,
    ),
  ];
};

const profileText = (trial: TrialView): string[] => {
  const { profile } = trial;
  if (profile === null) return [];
  const looser = profile.looserThanStrict.map((field) => safe(field, 60)).join(', ');
  const mark = isLooser(trial) ? pc.yellow(`, looser than strict in ${looser}`) : '';
  return [fact('profile', `${safe(profile.name, 60)} ${safe(profile.version, 20)}${mark}`)];
};

const alertsOf = (trial: TrialView, alerts: readonly AlertItem[]): string[] => {
  if (alerts.length === 0) return [];
  const startMs = clockStartMs(trial);
  return ['', pc.dim('alerts'), ...alerts.flatMap((alert) => trialAlertLines(alert, startMs))];
};

const sourceLines = (source: string): string[] => {
  const lines = displayable(source.slice(0, SOURCE_CHARS_MAX)).split('\n');
  const cut = lines.length > SOURCE_LINES_MAX || source.length > SOURCE_CHARS_MAX;
  return [...lines.slice(0, SOURCE_LINES_MAX).map((line) => `  ${line}`), ...(cut ? [pc.dim('  … cut')] : [])];
};

/** What the subject was given: a program's source, or what a conversation began with. */
const inputLines = (input: TrialAnswer['sample']['input']): string[] => {
  if (isProgramInput(input)) return [pc.dim(`${input.language} source`), ...sourceLines(input.source)];
  const messages = typeof input === 'string' ? [{ role: 'user', content: input }] : input.messages;
  return messages.flatMap(({ role, content }) => [pc.dim(role), ...sourceLines(content)]);
};

const waitingLines = ({ approvals, pause }: TrialView): string[] => [
  ...(pause === null ? [] : [fact('pause', pause === 'asked' ? 'asked for, before the next turn' : 'paused')]),
  ...approvals.map(({ approvalId, tool, excerpt }) =>
    fact('waits', `${pc.yellow(safe(tool, 64))} ${safe(excerpt, 500)} ${pc.dim(`approval ${approvalId}`)}`),
  ),
];

/** One trial with its alerts, as `show --trial` prints it. */
export const trialLines = ({ trial, sample }: TrialAnswer, alerts: readonly AlertItem[]): string[] => {
  const observed = trial.kernelObserved === false ? pc.dim(' (system calls were not observed)') : '';
  const output = trial.evidence.find(({ channel }) => channel === 'output');
  return [
    fact('trial', `${trial.id}  ${pc.bold(safe(trial.sampleId, 100))}, epoch ${trial.epoch}, attempt ${trial.attempt}`),
    fact('outcome', paint(trial.outcome ?? trial.status)),
    ...(trial.reason === null ? [] : [fact('ended by', endOf(trial))]),
    ...(trial.verdict === null ? [] : [fact('containment', `${paint(trial.verdict)}${observed}`)]),
    ...profileText(trial),
    ...trial.findings.map((finding) => fact('', `- ${safe(finding, 500)}`)),
    fact('alerts', alertCountsText(trial.alerts)),
    ...(trial.limitsHit.length > 0 ? [fact('limits hit', trial.limitsHit.join(', '))] : []),
    ...(trial.durationMs === null ? [] : [fact('time', duration(trial.durationMs))]),
    ...(trial.memoryBytesPeak === null ? [] : [fact('memory', `${bytesText(trial.memoryBytesPeak)} at most`)]),
    ...limitsText(trial),
    ...(hasUsage(trial) ? [fact('used', `${usageText(trial.usage)}, ${trial.turn} turns`)] : []),
    ...waitingLines(trial),
    ...(trial.answer === null ? [] : [fact('answer', safe(trial.answer.excerpt, 1_000))]),
    ...trial.scores.map(({ scorer, value, explanation }) =>
      fact('score', `${scoreText(value)} ${safe(scorer, 60)}: ${safe(explanation, 1_000)}`),
    ),
    ...(trial.error === null ? [] : [fact('error', pc.yellow(safe(trial.error, 1_000)))]),
    ...(output === undefined
      ? []
      : [
          fact(
            'output',
            `${bytesText(output.bytes)}, SHA-256 ${output.sha256}${output.dropped > 0 ? `, ${bytesText(output.dropped)} dropped` : ''}`,
          ),
        ]),
    ...alertsOf(trial, alerts),
    '',
    ...inputLines(sample.input),
  ];
};
