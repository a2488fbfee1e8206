import { ApiProblem } from '../problem.ts';

/** The audit service's plain texts. Its notes and keys are judged by who reads them, not by where they come from. */
const textMax = 100_000;
const requestMsMax = 20_000;

const refused = (status: number, body: string): ApiProblem => {
  let detail = `The platform answered with status ${status}.`;
  try {
    const problem = JSON.parse(body) as { detail?: unknown };
    if (typeof problem.detail === 'string') ({ detail } = problem as { detail: string });
  } catch {
    // No problem document: the status must do.
  }
  return new ApiProblem({ type: 'about:blank', status, title: 'No answer', detail });
};

/** @throws ApiProblem when there is no answer, or another than 200 */
const text = async (path: string): Promise<string> => {
  const answer = await fetch(path, {
    credentials: 'same-origin',
    cache: 'no-store',
    signal: AbortSignal.timeout(requestMsMax),
  }).catch(() => null);
  if (answer === null)
    throw new ApiProblem({
      type: 'about:blank',
      status: 0,
      title: 'No answer',
      detail: 'The platform did not answer.',
    });
  const body = (await answer.text()).slice(0, textMax);
  if (answer.ok) return body;
  throw refused(answer.status, body);
};

/** The newest checkpoint, a signed note. */
export const getCheckpoint = (): Promise<string> => text('/audit/checkpoint');
/** The log's key, as the platform gives it. */
export const getKey = async (): Promise<string> => (await text('/audit/key')).trim();
export const getProof = (position: number): Promise<string> => text(`/audit/proof/${position}`);

export interface AuditStatus {
  readonly origin: string;
  readonly size: number;
  readonly sealed: number;
  readonly broken: string | null;
}
export const getAuditStatus = async (): Promise<AuditStatus> => {
  const { origin, size, sealed, broken } = JSON.parse(await text('/audit/status')) as Partial<AuditStatus>;
  return { origin: String(origin), size: Number(size), sealed: Number(sealed), broken: broken ?? null };
};

/**
 * The whole log as bytes, to be verified here.
 * @throws ApiProblem when it is refused or there is no answer
 */
export const openExport = async (signal: AbortSignal): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> => {
  const answer = await fetch('/audit/export?purpose=verify', { credentials: 'same-origin', cache: 'no-store', signal });
  if (answer.ok && answer.body !== null) return answer.body;
  throw refused(answer.status, (await answer.text()).slice(0, textMax));
};
