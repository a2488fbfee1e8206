import { approvalListSchema, trialCommandAcceptedSchema } from '@crucible/api';
import type { ApprovalList, TrialCommandAccepted } from '@crucible/api';
import type { TrialView } from '@crucible/domain';
import type { ApiClient } from './api-client.ts';
import { findTrial } from './description.ts';
import { listTrials, resolveId } from './evaluations.ts';
import { misuse } from './failure.ts';
import { safe } from './text.ts';

const trialPath = (evaluationId: string, trialId: string): string =>
  `/api/v1/evaluations/${evaluationId}/trials/${trialId}`;

/** A trial that a person named. */
export interface TrialPlace {
  readonly evaluationId: string;
  readonly trialId: string;
}

/** The trials that are meant: one that was named, or all of the evaluation that run. @throws UsageFailure */
export const placesOf = async (client: ApiClient, given: string, trial: string | undefined): Promise<TrialPlace[]> => {
  const evaluationId = await resolveId(client, given);
  const trials = await listTrials(client, evaluationId);
  const meant: TrialView[] =
    trial === undefined ? trials.filter(({ status }) => status === 'running') : [findTrial(trials, trial)];
  if (meant.length === 0) throw misuse('no trial of this evaluation is running', './crucible show tells how it stands');
  return meant.map(({ id }) => ({ evaluationId, trialId: id }));
};

export type TrialVerb = 'pause' | 'resume' | 'terminate';

export const commandTrial = (
  client: ApiClient,
  { evaluationId, trialId }: TrialPlace,
  verb: TrialVerb,
  reason: string,
): Promise<TrialCommandAccepted> =>
  client.post(`${trialPath(evaluationId, trialId)}/${verb}`, { reason }, trialCommandAcceptedSchema);

export const sendMessage = (
  client: ApiClient,
  { evaluationId, trialId }: TrialPlace,
  content: string,
): Promise<TrialCommandAccepted> =>
  client.post(`${trialPath(evaluationId, trialId)}/messages`, { content }, trialCommandAcceptedSchema);

export const listApprovals = (client: ApiClient): Promise<ApprovalList> =>
  client.get('/api/v1/approvals', approvalListSchema);

export type Approval = ApprovalList['items'][number];

const PREFIX = /^[0-9a-f-]{4,36}$/;

/** The waiting call that a person means by an approval's id or the beginning of it. @throws UsageFailure */
export const findApproval = (items: readonly Approval[], given: string): Approval => {
  const prefix = given.trim().toLowerCase();
  if (!PREFIX.test(prefix))
    throw misuse(
      'that is not the id of an approval: give it, or at least its first 4 characters',
      './crucible approvals',
    );
  const found = items.filter(({ approvalId }) => approvalId.startsWith(prefix));
  const [only] = found;
  if (only === undefined)
    throw misuse(`nothing that waits begins with ${safe(prefix, 40)}`, './crucible approvals lists it');
  if (found.length > 1) throw misuse(`more than one approval begins with ${safe(prefix, 40)}`, 'give more characters');
  return only;
};

export interface Decision {
  readonly decision: 'approve' | 'modify' | 'reject' | 'terminate';
  readonly inputText?: string;
  readonly reason: string;
}

export const decide = (client: ApiClient, approval: Approval, decision: Decision): Promise<TrialCommandAccepted> =>
  client.post(
    `${trialPath(approval.evaluationId, approval.trialId)}/approvals/${approval.approvalId}`,
    decision,
    trialCommandAcceptedSchema,
  );
