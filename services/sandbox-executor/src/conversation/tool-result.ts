import type { ToolStatus } from '@crucible/events';
import type { ExecEnd, ExecOutcome } from '../sandbox/port.ts';
import type { KernelSpan } from './kernel-spans.ts';

/** What became of one tool call, in the words of its event, and what the model is told of it. */
export interface ToolResult {
  readonly status: ToolStatus;
  readonly exitCode: number | null;
  readonly durationMs: number;
  readonly outputBytes: number;
  readonly droppedBytes: number;
  /** The call's first process, as kernel records name it. */
  readonly processId: number | null;
  /** Of a file tool, which has no process: what the kernel saw of it. */
  readonly opened?: () => Promise<KernelSpan | null>;
  readonly text: string;
  readonly isError: boolean;
}

/** Of one result, so much text is told: it and its marks fit into a record of the transcript. */
const TEXT_CHARS_MAX = 900_000;
const decoder = new TextDecoder('utf-8');

const bounded = (text: string): string => {
  const whole = text.toWellFormed();
  if (whole.length <= TEXT_CHARS_MAX) return whole;
  return `${whole.slice(0, TEXT_CHARS_MAX).toWellFormed()}\n[cut: ${whole.length - TEXT_CHARS_MAX} more characters]`;
};

const nothingRan = { exitCode: null, durationMs: 0, outputBytes: 0, droppedBytes: 0, processId: null } as const;

/** A call that came to no program: refused, denied, or with arguments that the tool does not take. */
export const refusal = (status: ToolStatus, text: string): ToolResult => ({
  ...nothingRan,
  status,
  text: bounded(text),
  isError: true,
});

export const plain = (text: string, outputBytes = 0): ToolResult => ({
  ...nothingRan,
  outputBytes,
  status: 'ok',
  text: bounded(text),
  isError: false,
});

export const sandboxGone = refusal('sandbox-gone', 'The sandbox is gone.');

const statusOf = (outcome: ExecOutcome): ToolStatus => {
  switch (outcome.kind) {
    case 'exited':
      return outcome.exitCode === 0 ? 'ok' : 'error';
    case 'timed-out':
      return 'timeout';
    case 'output-limit':
      return 'output-limit';
    case 'sandbox-gone':
      return 'sandbox-gone';
    case 'signal':
    case 'out-of-memory':
    case 'killed':
    case 'refused':
      return 'error';
  }
};

const endOf = (outcome: ExecOutcome, timeoutMs: number): string | null => {
  switch (outcome.kind) {
    case 'exited':
      return outcome.exitCode === 0 ? null : `[exit code ${outcome.exitCode}]`;
    case 'signal':
      return `[ended by ${outcome.signal}]`;
    case 'out-of-memory':
      return '[out of memory]';
    case 'timed-out':
      return `[killed after ${timeoutMs / 1_000} s]`;
    case 'output-limit':
      return '[killed: it wrote more than a call may]';
    case 'killed':
      return '[killed]';
    case 'refused':
      return `[not run: ${outcome.why}]`;
    case 'sandbox-gone':
      return '[the sandbox is gone]';
  }
};

/** @param failsByExitCode whether a program that exits with another code than 0 has failed as a tool */
export const resultOf = (end: ExecEnd, timeoutMs: number, failsByExitCode: boolean): ToolResult => {
  const stdout = decoder.decode(end.stdout);
  const stderr = decoder.decode(end.stderr);
  const status = statusOf(end.outcome);
  const parts = [
    stdout,
    ...(stderr === '' ? [] : [stdout === '' ? stderr : `[stderr]\n${stderr}`]),
    ...(end.bytesDropped === 0 ? [] : [`[cut: ${end.bytesDropped} bytes were left out]`]),
    ...[endOf(end.outcome, timeoutMs)].flatMap((mark) => mark ?? []),
  ].filter((part) => part !== '');
  return {
    status,
    exitCode: end.outcome.kind === 'exited' ? end.outcome.exitCode : null,
    durationMs: end.durationMs,
    outputBytes: end.stdout.byteLength + end.stderr.byteLength,
    droppedBytes: end.bytesDropped,
    processId: end.processId,
    text: bounded(parts.join('\n')),
    isError: status !== 'ok' && (failsByExitCode || end.outcome.kind !== 'exited'),
  };
};
