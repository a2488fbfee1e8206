import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { currentShapes, judgeShapes } from '@crucible/events/contract';
import type { FrozenComplaint, JsonSchema, Shapes } from '@crucible/events/contract';

/** The published shapes as they are kept, one JSON file a name. */
export const readFrozen = async (folder: string): Promise<Shapes> => {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'));
  const read = async (name: string): Promise<[string, JsonSchema]> => [
    name.slice(0, -'.json'.length),
    JSON.parse(await readFile(join(folder, name), 'utf8')) as JsonSchema,
  ];
  return Object.fromEntries(await Promise.all(names.map(read)));
};

/**
 * Publishes the shapes that are new. One that is published is never written again.
 * @param pretty how a file's text is laid out
 * @returns the names that were added
 */
export const freezeNew = async (
  folder: string,
  pretty: (path: string, json: JsonSchema) => Promise<string>,
): Promise<string[]> => {
  const current = currentShapes();
  const added: string[] = [];
  for (const { name, fault } of await complaintsAbout(folder)) {
    const shape = current[name];
    if (fault !== 'not-frozen' || shape === undefined) continue;
    await mkdir(folder, { recursive: true });
    const path = join(folder, `${name}.json`);
    await writeFile(path, await pretty(path, shape), { flag: 'wx' });
    added.push(name);
  }
  return added;
};

export const complaintsAbout = async (folder: string): Promise<FrozenComplaint[]> =>
  judgeShapes(await readFrozen(folder), currentShapes());
