import { AGENT_LABEL, imageNameOf, imageReference, readAgentLabel } from '@crucible/domain';
import type { ImageAgent } from '@crucible/domain';
import { askEngine, callEngine } from '../platform/engine-api.ts';

/** The images that were added, as an engine holds them. */

export interface ImageEngine {
  readonly socket: string;
  /** gVisor, without a report to anybody. */
  readonly runtime: string;
  /** The engine's reference of the platform's own image. */
  readonly own: string;
  /** Of containers that are started to look at an image. */
  readonly labels?: Readonly<Record<string, string>>;
}

interface Inspected {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Config?: Readonly<Record<'Volumes' | 'OnBuild' | 'Healthcheck' | 'User' | 'Env', unknown>>;
  readonly RootFS?: { readonly Layers?: readonly string[] };
}

/** @returns undefined when the engine has no such image */
export const inspectImage = async (socket: string, reference: string): Promise<Inspected | undefined> => {
  const answer = await callEngine(socket, { path: `/images/${reference}/json` });
  return answer.status === 200 ? (JSON.parse(answer.body.toString()) as Inspected) : undefined;
};

/** Takes away an image that nothing names any more; one that a sandbox still runs stays until somebody asks again. */
export const prune = async (socket: string, digest: string): Promise<void> => {
  const found = await inspectImage(socket, digest);
  if (found === undefined || (found.RepoTags ?? []).length > 0) return;
  await callEngine(socket, { method: 'DELETE', path: `/images/${digest}`, timeoutMs: 60_000 });
};

export interface AddedImage {
  readonly name: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly agent: ImageAgent | null;
}

interface Summary {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly Size: number;
}

const labelled = (socket: string): Promise<Summary[]> => {
  const filters = encodeURIComponent(JSON.stringify({ label: [AGENT_LABEL] }));
  return askEngine<Summary[]>(socket, { path: `/images/json?filters=${filters}` });
};

/** By name. */
export const listImages = async (socket: string): Promise<AddedImage[]> =>
  (await labelled(socket))
    .flatMap(({ Id, RepoTags, Labels, Size }) =>
      (RepoTags ?? []).flatMap((reference) => {
        const name = imageNameOf(reference);
        const agent = readAgentLabel(Labels?.[AGENT_LABEL]);
        return name === null ? [] : [{ name, digest: Id, sizeBytes: Size, agent }];
      }),
    )
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));

/**
 * Takes away a name, and the image unless something runs it or names it otherwise. Images of earlier that were still in use
 * when they lost their name go as well.
 */
export const removeImage = async (socket: string, name: string): Promise<void> => {
  const path = `/images/${imageReference(name)}?force=1`;
  await askEngine(socket, { method: 'DELETE', path, timeoutMs: 60_000 });
  for (const { Id } of await labelled(socket)) await prune(socket, Id);
};
