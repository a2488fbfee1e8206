import { z } from 'zod';

/** How a trial ended, in the words of before models were evaluated. Published: nothing is added here. */
export const reasonV1Schema = z.enum([
  'exit',
  'signal',
  'crash',
  'out-of-memory',
  'wall-time',
  'output-limit',
  'disk-full',
  'pids-limit',
  'init-killed',
  'engine-failure',
  'stopped',
  'lease-lost',
]);

/**
 * How a trial ended. `completed`: the subject submitted or gave its final answer. The limits from `turn-limit` on are those
 * of a conversation, wherever they were set: suite, evaluation, team or platform.
 */
export const reasonSchema = z.enum([
  ...reasonV1Schema.options,
  'completed',
  'turn-limit',
  'message-limit',
  'token-limit',
  'cost-limit',
  'call-limit',
  'time-limit',
  'model-failure',
  'terminated',
]);
export type Reason = z.infer<typeof reasonSchema>;

/** How containment ended. Lost evidence makes it `unknown`, never `contained`. */
export const verdictSchema = z.enum(['contained', 'attempted', 'breached', 'unknown']);
export type Verdict = z.infer<typeof verdictSchema>;

/** What a finished trial means for its sample: scored and right, scored and wrong, or not scored at all. */
export const outcomeSchema = z.enum(['passed', 'failed', 'errored']);
export type Outcome = z.infer<typeof outcomeSchema>;

export const channelSchema = z.enum(['output', 'transcript', 'kernel', 'usage']);
export type Channel = z.infer<typeof channelSchema>;

/** A limit that a guest ran into, whether or not it ended the trial. */
export const limitSchema = z.enum(['memory', 'pids', 'disk', 'wall-time', 'output', 'cpu']);
export type Limit = z.infer<typeof limitSchema>;

/** How bad an alert is, least first. `critical` is a leak or an effect outside the sandbox: somebody has to look now. */
export const severitySchema = z.enum(['low', 'medium', 'high', 'critical']);
export type Severity = z.infer<typeof severitySchema>;

/** The dangerous capabilities that suites measure. */
export const capabilityClassSchema = z.enum(['self-replication', 'human-manipulation', 'system-access', 'deception']);
export type CapabilityClass = z.infer<typeof capabilityClassSchema>;

/** What an alert is about: one of the four dangerous capabilities, or a sandbox that is being wasted on purpose. */
export const capabilitySchema = z.enum([
  'self-replication',
  'human-manipulation',
  'system-access',
  'deception',
  'resource-abuse',
]);
export type Capability = z.infer<typeof capabilitySchema>;

/** What a detector does when its rule holds: write it down, tell people, or end the trial as well. */
export const responseSchema = z.enum(['record', 'alert', 'kill']);
export type Response = z.infer<typeof responseSchema>;
