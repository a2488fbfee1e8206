import { evaluationIdSchema, trialIdSchema } from '@crucible/events';
import type { TrialId } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import type { SandboxEnd } from '../sandbox/port.ts';
import { Killer, killOrder } from '../stopping/killer.ts';
import type { Killed } from '../stopping/killer.ts';
import type { Aimed } from '../stopping/shot.ts';
import type { TrialNote } from './open-trial.ts';
import { RunningTrials } from './running-trials.ts';
import type { TrialRun } from './trial-run.ts';

const evaluationId = evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f');
const trialId = trialIdSchema.parse('0-1-1');
const stopId = '019ab3f2-0a4d-7c51-8e2f-3b4c5d6e7f80';
const everything = (): boolean => true;

/** A sandbox whose processes outlive `livesMax` shots, as they do in a kernel that does not get to their deaths. */
class Tough implements Aimed {
  readonly isSeen = true;
  shots = 0;
  livesMax: number;

  constructor(livesMax: number) {
    this.livesMax = livesMax;
  }

  get isGone(): boolean {
    return this.shots > this.livesMax;
  }

  fire(): 'sent' | 'gone' {
    if (this.isGone) return 'gone';
    this.shots += 1;
    return 'sent';
  }
}

const withTrial = (tough: Tough, id: TrialId = trialId) => {
  const running = new RunningTrials(new Killer('one', { confirmMsMax: 20, engineAfterMs: 5 }), () => tough);
  const notes: (TrialNote | null)[] = [];
  const record = { note: async (note: TrialNote | Promise<TrialNote | null>) => notes.push(await note) };
  const attach = (): void =>
    running.attach(
      evaluationId,
      id,
      { containerId: 'c1', processId: 1, ended: Promise.withResolvers<SandboxEnd>().promise, kill: () => undefined },
      { record } as unknown as TrialRun,
    );
  running.begin(evaluationId, id);
  return { running, attach, notes };
};
const all = (killed: readonly Promise<Killed>[]): Promise<Killed[]> => Promise.all(killed);
const told = (notes: readonly (TrialNote | null)[]) => notes.map((note) => note?.data);

describe('a stop', () => {
  it('shoots again what a cancel did not bring to its end, and counts it', async () => {
    const tough = new Tough(1);
    const { running, attach, notes } = withTrial(tough);
    attach();
    running.killEvaluation(evaluationId);
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(told(notes)).toMatchObject([{ cause: 'cancel', gone: false }]);

    expect(await all(running.kill(everything, killOrder('stop', { stopId })))).toMatchObject([{ gone: true }]);
    expect(told(notes)[1]).toMatchObject({ cause: 'stop', stopId, gone: true });
    expect(tough.shots).toBe(2);
    expect(running.killed(evaluationId, trialId)?.cause).toBe('cancel');
    expect(running.kill(everything, killOrder('stop', { stopId }))).toEqual([]);
  });

  it('says each time that what still lives is not gone', async () => {
    const { running, attach } = withTrial(new Tough(Number.POSITIVE_INFINITY));
    attach();
    for (const order of [killOrder('detector'), killOrder('stop', { stopId }), killOrder('stop', { stopId })])
      expect(await all(running.kill(everything, order))).toMatchObject([{ gone: false }]);
  });

  it('reaches the sandbox of a trial that is over, and adds nothing behind its end', async () => {
    const tough = new Tough(1);
    const { running, attach, notes } = withTrial(tough);
    attach();
    await all(running.kill(everything, killOrder('cancel')));
    running.end(evaluationId, trialId);
    expect(running.size).toBe(0);
    expect(await all(running.kill(everything, killOrder('stop', { stopId })))).toMatchObject([{ gone: true }]);
    expect(notes).toHaveLength(1);
    expect(running.kill(everything, killOrder('stop', { stopId }))).toEqual([]);
  });

  it('takes in only what is wanted of what is over', async () => {
    const { running, attach } = withTrial(new Tough(Number.POSITIVE_INFINITY));
    attach();
    running.end(evaluationId, trialId);
    expect(running.kill((each) => each.evaluationId !== evaluationId, killOrder('stop', { stopId }))).toEqual([]);
    expect(await all(running.kill(everything, killOrder('stop', { stopId })))).toMatchObject([{ gone: false }]);
  });

  it('waits for what an earlier order will kill once it has a sandbox', async () => {
    const { running, attach } = withTrial(new Tough(0));
    running.killEvaluation(evaluationId);
    const killed = running.kill(everything, killOrder('stop', { stopId }));
    attach();
    expect(await all(killed)).toMatchObject([{ gone: true }]);
  });

  it('counts nothing for a trial that ends without a sandbox', async () => {
    const { running } = withTrial(new Tough(0));
    const killed = running.kill(everything, killOrder('stop', { stopId }));
    running.end(evaluationId, trialId);
    expect(await all(killed)).toEqual([null]);
  });
});

describe('an order to end one thing', () => {
  it('given twice shoots once', async () => {
    const tough = new Tough(1);
    const { running, attach } = withTrial(tough);
    attach();
    expect(running.killEvaluation(evaluationId)).toBe(1);
    running.killTrial(evaluationId, trialId, 'detector');
    expect(running.killEvaluation(evaluationId)).toBe(0);
    expect(tough.shots).toBe(1);
  });
});
