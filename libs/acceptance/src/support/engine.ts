import { request } from 'node:http';
import { platform } from './facts.ts';
import { logSoFar } from './log.ts';

export interface Container {
  readonly Id: string;
  readonly State: string;
  readonly Labels: Readonly<Record<string, string>>;
}

const get = <T>(socket: string, path: string): Promise<T> =>
  new Promise((resolve, reject) => {
    const sent = request({ socketPath: socket, path }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => resolve(JSON.parse(Buffer.concat(parts).toString()) as T));
    });
    sent.setTimeout(30_000, () => sent.destroy(new Error('the engine does not answer')));
    sent.on('error', reject);
    sent.end();
  });

/** Every container of the engine behind a socket, whatever its state. */
export const containersAt = (socket: string): Promise<Container[]> => get(socket, '/containers/json?all=1');

/** All that the engine knows of one container, as text; empty when it is gone. */
export const aboutContainer = async (socket: string, id: string): Promise<string> =>
  JSON.stringify(await get<object>(socket, `/containers/${id}/json`));

/** Containers in which a trial began, by the log. The others were made ahead and wait for trials that may come. */
export const containersOfTrials = async (): Promise<Container[]> => {
  const begun = new Set(
    (await logSoFar()).map((stored) =>
      stored.ok && stored.event.type === 'crucible.trial.started.v2' ? stored.event.data.sandboxId : null,
    ),
  );
  return (await containersAt(platform().dockerSocket)).filter(({ Id }) => begun.has(Id));
};

/** Names of what an engine keeps besides containers: images, volumes and networks. */
export const engineObjects = async (socket: string): Promise<Readonly<Record<string, readonly string[]>>> => {
  const [images, volumes, networks] = await Promise.all([
    get<{ Id: string }[]>(socket, '/images/json?all=1'),
    get<{ Volumes: { Name: string }[] | null }>(socket, '/volumes'),
    get<{ Name: string }[]>(socket, '/networks'),
  ]);
  return {
    images: images.map(({ Id }) => Id).sort(),
    volumes: (volumes.Volumes ?? []).map(({ Name }) => Name).sort(),
    networks: networks.map(({ Name }) => Name).sort(),
  };
};
