import type { Dispatch, ImageAgent, SandboxProfile, Start } from '@crucible/domain';
import type { Work, WorkItem } from '@crucible/event-log';
import type { SandboxLimits } from '@crucible/events';
import { traced } from '@crucible/service-kit';
import type { Logger } from '@crucible/service-kit';
import { limitsOf } from '@crucible/suite';
import type { StoredSuites, Suite, SuiteSample } from '@crucible/suite';
import { nothingCarried } from '../conversation/carried.ts';
import { isForModels } from '../conversation/plan.ts';
import type { ConversationPlan } from '../conversation/plan.ts';
import type { Detection } from '../detection/index.ts';
import { imageEnvironment, imageRefusal, isAdded } from '../images/image.ts';
import type { Images, SandboxImage } from '../images/image.ts';
import { PoolHeld } from '../pool/index.ts';
import type { SandboxPool, TakenSandbox } from '../pool/index.ts';
import type { Stopping } from '../stopping/stopping.ts';
import { lostAndTerminated, terminatedBy } from './finishing.ts';
import { askedRules } from './kernel-scorer.ts';
import type { RunningTrials } from './running-trials.ts';
import { materialOf, programOf, sampleAt } from './sample-program.ts';
import type { OpenTrial } from './open-trial.ts';
import type { LoadedTrial, TrialLog } from './trial-log.ts';
import { TrialRun, unrunBy } from './trial-run.ts';
import type { Assignment, Place, RunPorts, TrialCourse, TrialHooks, Unrun } from './trial-run.ts';

const IN_HAND_RETRY_MS = 5_000;
/** Until an item whose trial was stopped before it began is looked at again. */
const STOPPED_RETRY_MS = 1_000;
const WHY_CHARS_MAX = 1_900;
const LEFT_LOST =
  'the attempt before was lost with its executor, and the suite says to leave it at that (resume: lost)';

/** Trials in which a model is asked. */
export interface Conversing {
  /** What a trial's conversation is about. @throws BusUnavailable */
  plan(
    place: Place,
    dispatch: Dispatch,
    what: { readonly suite: Suite; readonly sample: SuiteSample; readonly agent: ImageAgent | null },
  ): Promise<ConversationPlan>;
  begin(assignment: Assignment, plan: ConversationPlan, record: OpenTrial): TrialCourse;
}

export interface TrialPorts extends RunPorts {
  readonly conversations: Conversing;
  readonly trials: TrialLog;
  readonly suites: StoredSuites;
  readonly pool: Pick<SandboxPool, 'take'>;
  readonly running: RunningTrials;
  readonly detection: Pick<Detection, 'forTrial'>;
  /** The emergency stop's word on what may begin. */
  readonly stops: Pick<Stopping, 'holdsBack' | 'isOnRecord'>;
}

export interface ExecutorIdentity {
  readonly executorId: string;
  readonly runtime: string;
  readonly images: Images;
  /** By name. */
  readonly profiles: ReadonlyMap<string, SandboxProfile>;
}

interface Planned extends Assignment {
  readonly profile: SandboxProfile;
  readonly image: SandboxImage;
  /** Null for a program. */
  readonly plan: ConversationPlan | null;
}

/** A conversation waits for models and people: its sandbox stays for as long as its profile lets any, and its calls are bounded. */
const sessionLimits = (suite: Suite, { max }: SandboxProfile): SandboxLimits => ({
  ...limitsOf(suite.sandbox),
  wallTimeMsMax: max.wallTimeMsMax,
});

/** Takes dispatched trials and runs each in a sandbox of its own, to its one end. */
export class TrialRunner {
  readonly running: RunningTrials;
  readonly #ports: TrialPorts;
  readonly #identity: ExecutorIdentity;
  readonly #logger: Logger;

  constructor(ports: TrialPorts, identity: ExecutorIdentity, logger: Logger) {
    this.#ports = ports;
    this.running = ports.running;
    this.#identity = identity;
    this.#logger = logger;
  }

  async take(work: Work): Promise<void> {
    const { evaluationId, trialId } = work.item;
    // An item comes again after a scheduler's restart, or when the bus forgot that we hold it; one life of the trial is
    // enough. It stays on the queue all the same: should that life fail before its end is written, another is due.
    if (this.running.has(evaluationId, trialId)) return work.later(IN_HAND_RETRY_MS);
    this.running.begin(evaluationId, trialId);
    try {
      const fate = await this.#takeOver(work, { evaluationId, trialId });
      if (fate === 'later') work.later(STOPPED_RETRY_MS);
      else await work.done();
    } finally {
      this.running.end(evaluationId, trialId);
    }
  }

  /**
   * Ends a trial that taking it failed at again and again, so that its evaluation goes on without it: nobody else would.
   * @throws BusUnavailable; asking again is safe
   */
  async abandon({ evaluationId, trialId }: WorkItem, why: string): Promise<void> {
    const place = { evaluationId, trialId };
    const loaded = await this.#ports.trials.load(evaluationId, trialId);
    const { state } = loaded;
    const reason = `no executor could begin it: ${why}`.slice(0, WHY_CHARS_MAX);
    let position: number | null = null;
    if (state.status === 'dispatched') position = await this.#ports.trials.withdraw(loaded, reason);
    else if (state.status === 'running' && state.executorId === this.#identity.executorId)
      position = await this.#finishLost(place, loaded, why.slice(0, WHY_CHARS_MAX));
    this.#logger.error({ ...place, why, position }, 'trial given up');
  }

  async #takeOver(work: Work, place: Place): Promise<'over' | 'later'> {
    const loaded = await this.#ports.trials.load(place.evaluationId, place.trialId);
    const { state, cause } = loaded;
    if (state.status === 'running') {
      await this.#settleLost(work, place, loaded, state.executorId);
      return 'over';
    }
    if (state.status !== 'dispatched' || cause === undefined) return 'over';
    this.running.belongsTo(place.evaluationId, place.trialId, cause.team);
    if (await this.#ports.trials.isClosed(place.evaluationId)) return 'over';
    if (this.#ports.stops.holdsBack({ ...place, team: cause.team })) return this.#heldBack(place, cause.team);
    return traced('run trial', cause.traceparent, () => this.#run(place, loaded, state.dispatch));
  }

  /**
   * A stop may last for days, and an item that is given back so often counts as one that nobody can handle. Once the stop
   * is on record the item is let go: the scheduler queues again what waits when it is released.
   */
  async #heldBack(place: Place, team: string): Promise<'over' | 'later'> {
    return (await this.#ports.stops.isOnRecord({ ...place, team })) ? 'over' : 'later';
  }

  /** A trial that runs nowhere: this executor's earlier life had it, or the queue says that its taker went silent. */
  async #settleLost(work: Work, place: Place, loaded: LoadedTrial, executorId: string): Promise<void> {
    const ours = executorId === this.#identity.executorId;
    if (!ours && work.delivery === 1) return;
    const why = ours ? 'the executor died while the trial ran' : `executor ${executorId} lost the trial`;
    const position = await this.#finishLost(place, loaded, why);
    this.#logger.warn({ ...place, executorId, position }, 'trial lost by its executor');
  }

  /** What people asked of it while nobody was there to hear them holds: one that they ended is over. */
  async #finishLost(place: Place, loaded: LoadedTrial, why: string): Promise<number | null> {
    const { termination } = await this.#ports.trials.controlOf(place.evaluationId, place.trialId);
    return this.#ports.trials.finish(loaded, lostAndTerminated(place, why, termination));
  }

  async #run(place: Place, loaded: LoadedTrial, dispatch: Dispatch): Promise<'over' | 'later'> {
    const planned = await this.#assignmentOf(place, dispatch);
    if (typeof planned === 'string') return this.#leave(place, loaded, planned);
    const { profile, plan, image, ...assignment } = planned;
    const unheeded = unheededEnd(plan);
    if (plan?.isLost === true && unheeded === null) return this.#leave(place, loaded, LEFT_LOST);
    const { limits } = assignment.spec;
    const wish = { image: image.reference, bundled: image.agent !== null, profile, limits };
    const taken = await this.#ports.pool.take(wish).catch(heldBack);
    if (taken === null) return 'later';
    let used = false;
    let course: TrialCourse | undefined;
    try {
      // Stopped while its sandbox was made: nothing has begun, and whether it may is asked anew.
      if (this.running.killed(place.evaluationId, place.trialId) !== undefined) return 'later';
      const own = await this.#heldAsBefore(loaded, plan);
      const record = own && (await this.#ports.trials.start(own, this.#startOf(assignment, taken)));
      if (record === null) return 'over';
      // Stopped while its start was written. Between this look and the sandbox being known nobody else has a turn.
      const order = this.running.killed(place.evaluationId, place.trialId);
      const unrun = order === undefined ? unheeded : unrunBy(order);
      used = unrun === null;
      if (used && plan !== null) course = this.#ports.conversations.begin(assignment, plan, record);
      const run = new TrialRun(this.#ports, assignment, taken, record, course);
      const hooks = this.#hooksOf(place, run);
      const ended = await (unrun === null ? run.toEnd(hooks) : run.toEndUnrun(unrun, hooks));
      if (ended === null) this.#logger.warn(place, 'the trial was ended by another; our end is dropped');
      return 'over';
    } finally {
      course?.close();
      if (!used) void taken.prepared.discard();
      taken.release();
    }
  }

  /** A trial that was paused when its last attempt was lost begins paused. Null when it is no longer ours to take. */
  async #heldAsBefore(loaded: LoadedTrial, plan: ConversationPlan | null): Promise<LoadedTrial | null> {
    const { pausedIn: from, termination } = plan?.carried ?? nothingCarried;
    return from === null || termination !== null ? loaded : this.#ports.trials.carryPause(loaded, from);
  }

  /** It is not run, and its evaluation goes on without it. */
  async #leave(place: Place, loaded: LoadedTrial, why: string): Promise<'over'> {
    const position = await this.#ports.trials.withdraw(loaded, why.slice(0, WHY_CHARS_MAX));
    this.#logger.warn({ ...place, position, why }, 'the trial is not run');
    return 'over';
  }

  /** The image that a suite names, or why it cannot be run on what is here under that name. */
  async #imageFor({ evaluationId }: Place, suite: Suite): Promise<SandboxImage | string> {
    const { images } = this.#identity;
    const { image: name } = suite.sandbox;
    const subject = isAdded(suite) ? (await this.#ports.trials.submissionOf(evaluationId)).subject : null;
    // It may have been added, or replaced, since the engine was last looked at.
    if (imageRefusal(suite, subject, images.find(name)) !== null) await images.reload();
    const image = images.find(name);
    // Without the platform's own something is wrong with this executor, and not with what was submitted.
    if (image === undefined && !isAdded(suite)) throw new Error(`this executor has no image "${name}"`);
    const refusal = imageRefusal(suite, subject, image);
    return refusal !== null || image === undefined ? (refusal ?? `there is no image "${name}"`) : image;
  }

  /** A text says why the trial cannot be run here. */
  async #assignmentOf(place: Place, dispatch: Dispatch): Promise<Planned | string> {
    const suite = await this.#ports.suites.get(dispatch.suiteDigest);
    const sample = sampleAt(suite, dispatch.sampleIndex);
    const image = await this.#imageFor(place, suite);
    if (typeof image === 'string') return image;
    const { agent } = image;
    const profile = this.#identity.profiles.get(suite.sandbox.profile);
    if (profile === undefined) throw new Error(`this executor has no profile "${suite.sandbox.profile}"`);
    const plan = isForModels(suite)
      ? await this.#ports.conversations.plan(place, dispatch, { suite, sample, agent })
      : null;
    const limits = plan === null ? limitsOf(suite.sandbox) : sessionLimits(suite, profile);
    const detection = this.#ports.detection.forTrial(place, limits, askedRules(suite));
    if (plan !== null && plan.resumed !== null) detection.carryOn();
    const { canaries } = detection;
    const material = plan === null ? programOf(sample, image) : materialOf(sample, suite.solver);
    const env = imageEnvironment(agent, canaries?.env);
    const spec = { ...place, image: image.reference, ...material, env, limits, canaries };
    return { place, suite, sample, spec, profile, image, plan, detection };
  }

  #hooksOf(place: Place, run: TrialRun): TrialHooks {
    const { evaluationId, trialId } = place;
    return {
      onSandbox: (sandbox) => this.running.attach(evaluationId, trialId, sandbox, run),
      onKill: ({ id, version }) => {
        this.#logger.warn({ ...place, rule: id, version }, 'a rule ends the trial');
        this.running.killTrial(evaluationId, trialId, 'detector');
      },
      order: () => this.running.killed(evaluationId, trialId),
      onAlertLost: ({ rule }, err) =>
        this.#logger.error({ ...place, rule: rule.id, err }, 'alert could not be written'),
    };
  }

  #startOf({ place, spec }: Assignment, { prepared, preflight, origin }: TakenSandbox): Start {
    const { executorId, runtime } = this.#identity;
    return {
      ...place,
      executorId,
      runtime,
      image: spec.image,
      limits: spec.limits,
      kernelObserved: this.#ports.watch !== null,
      sandboxId: prepared.containerId,
      origin,
      profile: prepared.profile,
      preflight,
    };
  }
}

/** How a trial ends that people ended while an earlier attempt was on its way to be lost. */
const unheededEnd = (plan: ConversationPlan | null): Unrun | null => {
  const termination = plan?.carried.termination ?? null;
  return termination === null ? null : { reason: 'terminated', error: terminatedBy(termination) };
};

/** Everything was stopped while the trial waited for its sandbox: nothing has begun, and whether it may is asked anew. */
const heldBack = (error: unknown): null => {
  if (error instanceof PoolHeld) return null;
  throw error;
};
