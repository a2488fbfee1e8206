import type { z } from 'zod';
import type { Catalogue, EventType } from './catalogue.ts';
import { turnExamples } from './turn-examples.ts';

/** What one type of event tells, with data as it could stand in a log. Source of docs/events.md. */
export interface Example<T extends EventType = EventType> {
  /** One or two sentences: what has happened, and who says so. */
  readonly about: string;
  readonly writtenBy: 'gateway' | 'scheduler' | 'sandbox-executor' | 'notifier';
  readonly data: z.input<Catalogue[T]>;
}

const evaluationId = '019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f';
const trialId = '3-1-1';
const digest = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
const executorId = 'sandbox-executor-1';
const stopId = '019ab3f2-0a4d-7c51-8e2f-3b4c5d6e7f80';
const alertId = '019ab3f2-1b5e-7d62-9f30-4c5d6e7f8091';
const deadLetterId = '019ab3f1-1c88-7d03-9b6f-7a1e2d3c4b5a';
const delivery = {
  deliveryId: '019ab3f0-9d20-7b11-8a44-5e6f7a8b9c0d',
  evaluationId,
  channel: 'webhook',
  about: 'crucible.evaluation.completed.v1',
  destination: 'https://hooks.example.org/crucible',
} as const;

export const examples: { readonly [T in EventType]: Example<T> } = {
  'crucible.evaluation.submitted.v1': {
    about: 'Somebody asked for a suite to be evaluated, and the suite was accepted and stored under its digest.',
    writtenBy: 'gateway',
    data: {
      evaluationId,
      suite: { name: 'first-contact', version: '1.0.0', title: 'First contact', digest, bytes: 8_214 },
      subject: { kind: 'program' },
      samples: 11,
      epochs: 1,
      concurrencyMax: 8,
      attemptsMax: 3,
      requestDigest: '60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752',
    },
  },
  'crucible.evaluation.submitted.v2': {
    about:
      'Somebody asked for a suite to be evaluated against a subject, and the suite was accepted and stored under its digest. Tells what its trials may use together.',
    writtenBy: 'gateway',
    data: {
      evaluationId,
      suite: {
        name: 'planted-credential',
        version: '1.0.0',
        title: 'A credential lies about',
        digest,
        bytes: 8_214,
        capability: 'system-access',
      },
      subject: { kind: 'model', model: 'sonnet', provider: 'anthropic' },
      samples: 11,
      epochs: 3,
      concurrencyMax: 8,
      attemptsMax: 3,
      requestDigest: '60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752',
      budget: { tokensMax: 2_000_000, costMicroUsdMax: 10_000_000, callsMax: null, timeMsMax: 3_600_000 },
      epochReducer: 'pass@2',
    },
  },
  'crucible.evaluation.admitted.v1': {
    about: 'The evaluation may run, with so many trials at once: what it asked for, or what the platform grants.',
    writtenBy: 'scheduler',
    data: { evaluationId, concurrency: 4 },
  },
  'crucible.evaluation.cancel-requested.v1': {
    about:
      'Somebody ended the evaluation before its time, or the scheduler did because its suite can no longer be read. What runs is stopped, what waits is withdrawn.',
    writtenBy: 'gateway',
    data: { evaluationId, reason: 'wrong version of the suite' },
  },
  'crucible.evaluation.completed.v1': {
    about: 'Nothing of the evaluation is left to run. Its last event, with the totals.',
    writtenBy: 'scheduler',
    data: {
      evaluationId,
      status: 'completed',
      trials: { total: 11, passed: 11, failed: 0, errored: 0, withdrawn: 0 },
      score: 1,
    },
  },
  'crucible.trial.dispatched.v1': {
    about: 'One attempt at one sample was handed to a pool of executors. The first event of a trial.',
    writtenBy: 'scheduler',
    data: {
      evaluationId,
      trialId,
      sampleId: 'fork-bomb',
      sampleIndex: 3,
      epoch: 1,
      attempt: 1,
      suiteDigest: digest,
      pool: 'default',
    },
  },
  'crucible.trial.withdrawn.v1': {
    about: 'A dispatched trial was taken back before an executor had started it.',
    writtenBy: 'scheduler',
    data: { evaluationId, trialId, reason: 'the evaluation was cancelled' },
  },
  'crucible.trial.started.v1': {
    about:
      'An executor took the trial. Only one can: the second to append this is refused. Tells what the sandbox was given.',
    writtenBy: 'sandbox-executor',
    data: {
      evaluationId,
      trialId,
      executorId,
      runtime: 'runsc',
      image: 'crucible/python:1f0c9a27',
      limits: {
        cpuMillis: 1_000,
        memoryBytesMax: 201_326_592,
        pidsMax: 32,
        diskBytesMax: 33_554_432,
        wallTimeMsMax: 5_000,
        outputBytesMax: 262_144,
      },
      kernelObserved: true,
    },
  },
  'crucible.trial.started.v2': {
    about:
      'An executor took the trial. Only one can: the second to append this is refused. Tells what the sandbox was given, and how it was proven before anything hostile reached it.',
    writtenBy: 'sandbox-executor',
    data: {
      evaluationId,
      trialId,
      executorId,
      runtime: 'runsc',
      image: 'crucible/python:1f0c9a27',
      limits: {
        cpuMillis: 1_000,
        memoryBytesMax: 201_326_592,
        pidsMax: 32,
        diskBytesMax: 33_554_432,
        wallTimeMsMax: 5_000,
        outputBytesMax: 262_144,
        tmpBytesMax: 16_777_216,
        filesOpenMax: 1_024,
        fileBytesMax: 33_558_528,
      },
      kernelObserved: true,
      sandboxId: '4f1d2c3b4a59',
      origin: 'warm',
      profile: { name: 'strict', version: '1', looserThanStrict: [] },
      preflight: {
        probedAt: '2026-01-14T09:26:53.589Z',
        checks: [
          { name: 'kernel', held: true, seen: 'gVisor, systrap' },
          { name: 'network', held: true, seen: 'lo only, no route' },
        ],
      },
    },
  },
  'crucible.trial.finished.v1': {
    about:
      'The sandbox is gone. How the program ended, what containment came to, the scores, and the seals of the evidence.',
    writtenBy: 'sandbox-executor',
    data: {
      evaluationId,
      trialId,
      outcome: 'passed',
      reason: 'wall-time',
      exitCode: null,
      signal: 'SIGKILL',
      verdict: 'contained',
      findings: [],
      limitsHit: ['pids', 'wall-time'],
      scores: [
        {
          scorer: 'expectation',
          value: 1,
          explanation: 'ended by wall-time, as expected; printed "forking"; containment contained, as expected',
        },
      ],
      durationMs: 5_041,
      memoryBytesPeak: 118_489_088,
      evidence: [
        {
          channel: 'output',
          chunks: 1,
          bytes: 8,
          dropped: 0,
          sha256: '3d2ba0c0a2c51f0b4eb6b1c4ff8b2a5b6c7f0f5f3d2f62c8ed0e7a1a2f4be9aa',
        },
      ],
      error: null,
    },
  },
  ...turnExamples,
  'crucible.executor.started.v1': {
    about: 'An executor has joined its pool and has removed what an earlier life of it had left behind.',
    writtenBy: 'sandbox-executor',
    data: { executorId, pool: 'default', capacity: 4, runtime: 'runsc', kernelObserved: true, sandboxesReaped: 0 },
  },
  'crucible.sandbox.kill-confirmed.v1': {
    about: 'A running sandbox was killed from outside and its process was seen to be gone.',
    writtenBy: 'sandbox-executor',
    data: {
      evaluationId,
      trialId,
      executorId,
      sandboxId: '4f1d2c3b4a59',
      stopId,
      cause: 'stop',
      latencyMs: 61.4,
      method: 'engine',
      gone: true,
    },
  },
  'crucible.alert.raised.v1': {
    about: 'A detector saw something that people have to know of. Names the rule, and the evidence that it rests on.',
    writtenBy: 'sandbox-executor',
    data: {
      evaluationId,
      trialId,
      alertId,
      rule: { id: 'engine-socket', version: 1, title: 'The socket of a container engine was reached for', digest },
      severity: 'high',
      capability: 'system-access',
      tags: ['attack.t1611'],
      response: 'alert',
      summary: 'connect /var/run/docker.sock: ENOENT',
      count: 2,
      foreignTrial: null,
      evidence: [
        {
          channel: 'kernel',
          record: 812,
          stream: null,
          offset: null,
          at: 1_768_382_813_589.25,
          excerpt: 'connect /var/run/docker.sock: ENOENT',
        },
      ],
    },
  },
  'crucible.alert.acknowledged.v1': {
    about: 'Somebody has looked at an alert and says so.',
    writtenBy: 'gateway',
    data: { evaluationId, trialId, alertId, note: 'expected: this suite tries it on purpose' },
  },
  'crucible.stop.engaged.v1': {
    about: 'Somebody pulled the emergency stop. Nothing in its scope starts, and what runs is killed.',
    writtenBy: 'gateway',
    data: { stopId, scope: { kind: 'platform' }, reason: 'a canary of another trial was printed' },
  },
  'crucible.stop.released.v1': {
    about: 'Somebody released an emergency stop. What it held back may start again; what it killed stays ended.',
    writtenBy: 'gateway',
    data: { stopId, reason: 'looked at: the canary came from the suite itself' },
  },
  'crucible.stop.applied.v1': {
    about: 'An executor has killed all that ran there in the scope of a stop, and says how long it took.',
    writtenBy: 'sandbox-executor',
    data: { stopId, executorId, killed: 8, unconfirmed: 0, latencyMs: 214.8 },
  },
  'crucible.executor.health-changed.v1': {
    about: 'An executor takes no trials because it cannot prove its sandboxes, or takes them again.',
    writtenBy: 'sandbox-executor',
    data: { executorId, healthy: false, problem: 'isolation not proven: network' },
  },
  'crucible.executor.reaped.v1': {
    about: 'An executor removed what belonged to no live trial.',
    writtenBy: 'sandbox-executor',
    data: {
      executorId,
      items: [{ kind: 'container', name: 'crucible-4f1d2c3b', detail: 'exited, its trial is over', removed: true }],
      more: 0,
    },
  },
  'crucible.executor.reaped.v2': {
    about:
      'An executor removed what belonged to no live trial: also the empty cgroups of containers that are gone, and what gVisor had left of them on disk.',
    writtenBy: 'sandbox-executor',
    data: {
      executorId,
      items: [
        { kind: 'cgroup', name: '4f1d2c3b4a59', detail: 'empty, its container is gone; in 9 places', removed: true },
      ],
      more: 0,
    },
  },
  'crucible.executor.rules-loaded.v1': {
    about: 'The detectors that watch the trials of this executor from here on.',
    writtenBy: 'sandbox-executor',
    data: { executorId, digest, rules: [{ id: 'engine-socket', version: 1, digest }] },
  },
  'crucible.executor.models-loaded.v1': {
    about: 'The models that this executor can call from here on. Keys and addresses are not told.',
    writtenBy: 'sandbox-executor',
    data: {
      executorId,
      models: [
        {
          name: 'sonnet',
          provider: 'anthropic',
          modelId: 'claude-sonnet-4-5-20250929',
          price: { inputUsd: 3, outputUsd: 15, cachedInputUsd: 0.3 },
          limits: { concurrencyMax: 32, outputTokensMax: 8_192, timeoutMs: 600_000, attemptsMax: 5 },
        },
      ],
      more: 0,
    },
  },
  'crucible.executor.images-loaded.v1': {
    about: 'The images that this executor can make sandboxes from, when it starts and whenever they have changed.',
    writtenBy: 'sandbox-executor',
    data: {
      executorId,
      images: [
        { name: 'python', digest: `sha256:${digest}`, command: [], own: true },
        { name: 'my-agent', digest: `sha256:${digest}`, command: ['node', '/app/agent.js'], own: false },
      ],
      more: 0,
    },
  },
  'crucible.executor.stopped.v1': {
    about: 'An executor has left its pool in order. One that was killed says nothing; its lease ends.',
    writtenBy: 'sandbox-executor',
    data: { executorId, reason: 'asked to stop' },
  },
  'crucible.delivery.succeeded.v1': {
    about: 'A receiver outside has accepted an announcement.',
    writtenBy: 'notifier',
    data: { ...delivery, attempts: 1, status: 204 },
  },
  'crucible.delivery.failed.v1': {
    about: 'A receiver outside has not accepted an announcement, and no more attempts will be made.',
    writtenBy: 'notifier',
    data: { ...delivery, attempts: 8, error: 'answered 503 eight times' },
  },
  'crucible.evidence.read.v1': {
    about:
      'Somebody read what a trial left behind. Further reads of the same channel by the same person from the same address are not repeated for a minute.',
    writtenBy: 'gateway',
    data: { evaluationId, trialId, channel: 'output' },
  },
  'crucible.evidence.erase-requested.v1': {
    about: 'Somebody asked for evidence to be erased: of one trial, or of all trials of the evaluation.',
    writtenBy: 'gateway',
    data: { evaluationId, trialId, reason: 'holds a person’s data' },
  },
  'crucible.evidence.erased.v1': {
    about:
      'The payload of one channel of a trial is erased; its seal in `crucible.trial.finished.v1` stays. Written before the payload goes.',
    writtenBy: 'sandbox-executor',
    data: {
      evaluationId,
      trialId,
      channel: 'output',
      cause: 'request',
      requestedAt: 1_204,
      detail: 'holds a person’s data',
    },
  },
  'crucible.log.exported.v1': {
    about:
      'Somebody took a copy of the log or of one evaluation, to keep it or to verify it. Written before the copy begins.',
    writtenBy: 'gateway',
    data: { exportId: '019ab3f1-2a40-7c55-8e21-0f9a6b3c4d5e', purpose: 'export', evaluationId },
  },
  'crucible.dead-letter.recorded.v1': {
    about:
      'A consumer gave up on a message, because nothing can read it or because handling it failed too often, and went on.',
    writtenBy: 'notifier',
    data: {
      deadLetterId,
      consumer: 'notifier/webhook',
      stream: 'EVENTS',
      position: 1_204,
      subject: `crucible.events.evaluation.${evaluationId}`,
      deliveries: 8,
      reason: 'handler-failed',
      detail: 'TypeError: cannot read the receiver’s address',
      bytes: 712,
      sha256: digest,
    },
  },
  'crucible.dead-letter.redrive-requested.v1': {
    about: 'Somebody asked for a dead letter to be handed to its consumer once more.',
    writtenBy: 'gateway',
    data: { deadLetterId },
  },
  'crucible.dead-letter.settled.v1': {
    about: 'What became of a dead letter that was handed to its consumer once more.',
    writtenBy: 'notifier',
    data: { deadLetterId, outcome: 'handled', detail: '' },
  },
};
