import { z } from 'zod';
import { submittedV1, submittedV2 } from './evaluation-shapes.ts';
import { finishedV1, finishedV2 } from './finished-shapes.ts';
import { evaluationIdSchema, trialIdSchema, uuidSchema } from './ids.ts';
import { loadedImageSchema, loadedImagesMax } from './image-shapes.ts';
import { loadedModelSchema, loadedModelsMax } from './model-shapes.ts';
import { count, digest, label, prose, trialPlace } from './parts.ts';
import {
  approvalDecided,
  approvalRequested,
  budgetReached,
  messageSent,
  modelCalledV1,
  modelCalledV2,
  pauseCarried,
  paused,
  pauseRequested,
  resumed,
  terminationRequested,
  toolCalled,
} from './turn-shapes.ts';
import { capabilitySchema, channelSchema, responseSchema, severitySchema } from './vocabulary.ts';

/** The bounds of a trial's sandbox as they were told before sandboxes had profiles. */
const sandboxLimitsV1 = z.object({
  cpuMillis: z.int().min(1),
  memoryBytesMax: z.int().min(1),
  pidsMax: z.int().min(1),
  diskBytesMax: z.int().min(1),
  wallTimeMsMax: z.int().min(1),
  outputBytesMax: z.int().min(1),
});

/** The bounds a trial's sandbox gets. Bytes are bytes, times are milliseconds, `cpuMillis` is thousandths of a core. */
export const sandboxLimitsSchema = sandboxLimitsV1.extend({
  /** Of `/tmp`; the work folder has `diskBytesMax`. */
  tmpBytesMax: z.int().min(1),
  filesOpenMax: z.int().min(1),
  /** Of one file. */
  fileBytesMax: z.int().min(1),
});
export type SandboxLimits = z.infer<typeof sandboxLimitsSchema>;

/** Which profile a sandbox was made by. */
export const profileUsedSchema = z.object({
  name: label,
  version: label,
  /** Fields in which an operator's profile allows more than `strict` does; empty for `strict` and all that is tighter. */
  looserThanStrict: z.array(label).max(20),
});
export type ProfileUsed = z.infer<typeof profileUsedSchema>;

/** What a sandbox was found to be before anything hostile reached it, check by check. */
export const preflightSchema = z.object({
  /** ISO 8601, UTC. */
  probedAt: label,
  checks: z
    .array(
      z.object({
        name: label,
        held: z.boolean(),
        /** What was found, in one displayable line. */
        seen: z.string().max(300),
      }),
    )
    .max(40),
});
export type Preflight = z.infer<typeof preflightSchema>;

/** A piece of evidence that an alert rests on, as exact as its channel allows. */
export const evidencePointSchema = z.object({
  channel: channelSchema,
  /** `kernel`, `usage`: number of the record in its trial, as its `n` says. `output`: null. */
  record: count.nullable(),
  /** `output`: which stream, and the first byte in that stream from 0. Else null. */
  stream: z.enum(['stdout', 'stderr']).nullable(),
  offset: count.nullable(),
  /** Milliseconds since 1970 by the clock that all channels are told in, with fractions. */
  at: z.number().min(0),
  /** The evidence itself, made displayable and cut. Still chosen by a guest. */
  excerpt: z.string().max(300),
});
export type EvidencePoint = z.infer<typeof evidencePointSchema>;

/** Whom an emergency stop is for. */
export const stopScopeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('platform') }),
  z.object({ kind: z.literal('team'), team: label }),
  z.object({ kind: z.literal('evaluation'), evaluationId: evaluationIdSchema }),
]);
export type StopScope = z.infer<typeof stopScopeSchema>;

const startedV1 = trialPlace.extend({
  executorId: label,
  runtime: label,
  image: z.string().max(300),
  limits: sandboxLimitsV1,
  /** Whether system calls are observed from outside the sandbox. */
  kernelObserved: z.boolean(),
});

const reapedItemV1 = z.object({
  kind: z.enum(['container', 'network', 'volume', 'trace-socket', 'process']),
  name: label,
  detail: z.string().max(300),
  removed: z.boolean(),
});
const reapedV1 = z.object({
  executorId: label,
  items: z.array(reapedItemV1).min(1).max(100),
  /** Things beyond those listed. */
  more: count,
});
/** Also the empty cgroup of a container that is gone, and what gVisor keeps on disk of one that it runs. */
const reapedItem = reapedItemV1.extend({
  kind: z.enum([...reapedItemV1.shape.kind.options, 'cgroup', 'runtime-state']),
});

const delivery = z.object({
  deliveryId: uuidSchema,
  evaluationId: evaluationIdSchema,
  channel: z.literal('webhook'),
  /** Type of the event that was announced. */
  about: label,
  /** Scheme, host and path of the receiver: a query string may hold a secret and is left out. */
  destination: z.string().max(500),
  attempts: z.int().min(1),
});

/** A message that a consumer could not handle: put aside, so that what comes after it is not held up, and never forgotten. */
const deadLetter = z.object({
  deadLetterId: uuidSchema,
  /** Service and durable consumer, as `notifier/webhook`. */
  consumer: label,
  stream: z.enum(['EVENTS', 'DISPATCH']),
  /** Place of the message in that stream. */
  position: z.int().min(1),
  subject: z.string().max(500),
  deliveries: z.int().min(1),
  reason: z.enum(['undecodable', 'handler-failed']),
  detail: prose,
  bytes: count,
  /** SHA-256 of the message's body. */
  sha256: digest,
});

/**
 * Every event Crucible writes, by type. A published shape is never edited: a change is a new version beside it.
 */
export const catalogue = {
  'crucible.evaluation.submitted.v1': submittedV1,
  'crucible.evaluation.submitted.v2': submittedV2,
  'crucible.evaluation.admitted.v1': z.object({ evaluationId: evaluationIdSchema, concurrency: z.int().min(1) }),
  'crucible.evaluation.cancel-requested.v1': z.object({ evaluationId: evaluationIdSchema, reason: prose }),
  'crucible.evaluation.completed.v1': z.object({
    evaluationId: evaluationIdSchema,
    status: z.enum(['completed', 'cancelled']),
    trials: z.object({ total: count, passed: count, failed: count, errored: count, withdrawn: count }),
    /** Mean of the trials' scores, 0 to 1; null when nothing was scored. */
    score: z.number().min(0).max(1).nullable(),
  }),
  'crucible.trial.dispatched.v1': trialPlace.extend({
    sampleId: label,
    sampleIndex: count,
    epoch: z.int().min(1),
    attempt: z.int().min(1),
    suiteDigest: digest,
    pool: label,
  }),
  'crucible.trial.withdrawn.v1': trialPlace.extend({ reason: prose }),
  'crucible.trial.started.v1': startedV1,
  'crucible.trial.started.v2': startedV1.extend({
    limits: sandboxLimitsSchema,
    /** Engine's id of the sandbox; null in what version 1 told. */
    sandboxId: label.nullable(),
    /** Made and proven ahead of its trial, or for it. */
    origin: z.enum(['warm', 'cold']).nullable(),
    profile: profileUsedSchema.nullable(),
    /** Null in what version 1 told; a sandbox whose checks did not all hold starts no trial. */
    preflight: preflightSchema.nullable(),
  }),
  'crucible.trial.finished.v1': finishedV1,
  'crucible.trial.finished.v2': finishedV2,
  'crucible.trial.model-called.v1': modelCalledV1,
  'crucible.trial.model-called.v2': modelCalledV2,
  'crucible.trial.tool-called.v1': toolCalled,
  'crucible.trial.approval-requested.v1': approvalRequested,
  'crucible.trial.approval-decided.v1': approvalDecided,
  'crucible.trial.budget-reached.v1': budgetReached,
  'crucible.trial.pause-requested.v1': pauseRequested,
  'crucible.trial.pause-carried.v1': pauseCarried,
  'crucible.trial.paused.v1': paused,
  'crucible.trial.resumed.v1': resumed,
  'crucible.trial.message-sent.v1': messageSent,
  'crucible.trial.termination-requested.v1': terminationRequested,
  'crucible.executor.started.v1': z.object({
    executorId: label,
    pool: label,
    capacity: z.int().min(1),
    runtime: label,
    kernelObserved: z.boolean(),
    /** Sandboxes of an earlier life of this executor that were found and removed. */
    sandboxesReaped: count,
  }),
  /** A sandbox was killed from outside, and its process was seen to be gone. */
  'crucible.sandbox.kill-confirmed.v1': trialPlace.extend({
    executorId: label,
    sandboxId: label,
    /** The emergency stop that asked for it; null for a cancel, a lost lease or a detector. */
    stopId: uuidSchema.nullable(),
    cause: z.enum(['stop', 'cancel', 'lease-lost', 'detector']),
    /** From hearing of it to the last process being gone. */
    latencyMs: z.number().min(0),
    /** What ended it: our init when told, the engine, or a signal to the runtime's own process. */
    method: z.enum(['init', 'engine', 'runtime']),
    /** False: the process was still there when waiting for it was given up. */
    gone: z.boolean(),
  }),
  'crucible.alert.raised.v1': trialPlace.extend({
    alertId: uuidSchema,
    rule: z.object({
      id: label,
      version: z.int().min(1),
      title: label,
      /** SHA-256 of the rule's file. */
      digest,
    }),
    severity: severitySchema,
    capability: capabilitySchema,
    /** MITRE ATT&CK and ATLAS techniques, such as `attack.t1611`. */
    tags: z.array(label).max(20),
    response: responseSchema,
    /** What was seen, in one displayable line. */
    summary: prose,
    /** How often the rule held within its window. */
    count: z.int().min(1),
    /** The trial whose canary was seen, when it is not this one; null otherwise. */
    foreignTrial: trialPlace.nullable(),
    evidence: z.array(evidencePointSchema).min(1).max(10),
  }),
  'crucible.alert.acknowledged.v1': trialPlace.extend({ alertId: uuidSchema, note: prose }),
  'crucible.stop.engaged.v1': z.object({ stopId: uuidSchema, scope: stopScopeSchema, reason: prose }),
  'crucible.stop.released.v1': z.object({ stopId: uuidSchema, reason: prose }),
  /** What one executor did about a stop: nothing of its scope runs there any more. */
  'crucible.stop.applied.v1': z.object({
    stopId: uuidSchema,
    executorId: label,
    killed: count,
    /** Sandboxes whose process was still there when waiting was given up. */
    unconfirmed: count,
    /** From hearing of the stop to the last process being gone. */
    latencyMs: z.number().min(0),
  }),
  /** An executor stopped taking trials because its sandboxes cannot be proven, or takes them again. */
  'crucible.executor.health-changed.v1': z.object({
    executorId: label,
    healthy: z.boolean(),
    problem: prose.nullable(),
  }),
  /** What an executor removed because it belonged to no live trial. */
  'crucible.executor.reaped.v1': reapedV1,
  'crucible.executor.reaped.v2': reapedV1.extend({ items: z.array(reapedItem).min(1).max(100) }),
  /** The detectors that watch this executor's trials from here on. */
  'crucible.executor.rules-loaded.v1': z.object({
    executorId: label,
    /** SHA-256 over the digests of all rules, sorted. */
    digest,
    rules: z.array(z.object({ id: label, version: z.int().min(1), digest })).max(300),
  }),
  /** The models that this executor can call from here on, without their keys and addresses. */
  'crucible.executor.models-loaded.v1': z.object({
    executorId: label,
    models: z.array(loadedModelSchema).max(loadedModelsMax),
    /** Models beyond those listed. */
    more: count,
  }),
  /** The images that this executor can make sandboxes from, from here on. */
  'crucible.executor.images-loaded.v1': z.object({
    executorId: label,
    images: z.array(loadedImageSchema).max(loadedImagesMax),
    /** Images beyond those listed. */
    more: count,
  }),
  'crucible.executor.stopped.v1': z.object({ executorId: label, reason: prose }),
  'crucible.delivery.succeeded.v1': delivery.extend({ status: z.int() }),
  'crucible.delivery.failed.v1': delivery.extend({ error: prose }),
  'crucible.evidence.read.v1': trialPlace.extend({ channel: channelSchema }),
  'crucible.evidence.erase-requested.v1': z.object({
    evaluationId: evaluationIdSchema,
    /** One trial, or null for all of the evaluation's. */
    trialId: trialIdSchema.nullable(),
    reason: prose,
  }),
  'crucible.evidence.erased.v1': trialPlace.extend({
    channel: channelSchema,
    cause: z.enum(['request', 'retention']),
    /** Position of the request, when somebody asked for it. */
    requestedAt: z.int().min(1).nullable(),
    detail: prose,
  }),
  'crucible.log.exported.v1': z.object({
    exportId: uuidSchema,
    purpose: z.enum(['export', 'verify']),
    /** One evaluation, or null for the whole log. */
    evaluationId: evaluationIdSchema.nullable(),
  }),
  'crucible.dead-letter.recorded.v1': deadLetter,
  'crucible.dead-letter.redrive-requested.v1': z.object({ deadLetterId: uuidSchema }),
  'crucible.dead-letter.settled.v1': z.object({
    deadLetterId: uuidSchema,
    outcome: z.enum(['handled', 'failed']),
    detail: prose,
  }),
} as const;

export type Catalogue = typeof catalogue;
export type EventType = keyof Catalogue;
export type EventData<T extends EventType> = z.infer<Catalogue[T]>;

export const eventTypes = Object.keys(catalogue) as EventType[];
export const isEventType = (type: string): type is EventType => Object.hasOwn(catalogue, type);
