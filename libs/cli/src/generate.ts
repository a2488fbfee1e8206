import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildOpenApi } from '@crucible/api';
import { eventTypes } from '@crucible/events';
import { eventJsonSchema } from '@crucible/events/contract';
import { sqlFiles } from '@crucible/read-model/sql';
import { format, resolveConfig } from 'prettier';
import { buildAsyncApi } from './generated/asyncapi.ts';
import { eventDocs } from './generated/event-docs.ts';
import { complaintsAbout, freezeNew } from './generated/frozen-shapes.ts';
import { suiteJsonSchema } from './generated/suite-schema.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const laidOut = async (path: string, text: string): Promise<string> =>
  format(text, { ...(await resolveConfig(join(root, path))), filepath: path });
const json = (path: string, value: object): Promise<string> => laidOut(path, JSON.stringify(value, null, 2));

const schemasFolder = 'libs/events/schemas';
const sqlFolder = 'libs/read-model/sql';
const frozenFolder = 'libs/events/frozen';

/** Every file that is made from code, by its path in the checkout. */
const files: Readonly<Record<string, (path: string) => string | Promise<string>>> = {
  'suites/schema/suite-v1.schema.json': () => `${JSON.stringify(suiteJsonSchema(), null, 2)}\n`,
  'libs/api/openapi.json': () => `${JSON.stringify(buildOpenApi(), null, 2)}\n`,
  'docs/events.md': (path) => laidOut(path, eventDocs()),
  'libs/events/asyncapi.json': (path) => json(path, buildAsyncApi()),
  ...Object.fromEntries(
    eventTypes.map((type) => [`${schemasFolder}/${type}.json`, (path: string) => json(path, eventJsonSchema(type))]),
  ),
  ...Object.fromEntries([...sqlFiles()].map(([name, text]) => [`${sqlFolder}/${name}`, () => text])),
};

const check = process.argv.includes('--check');
const stale: string[] = [];
for (const [path, make] of Object.entries(files)) {
  const text = await make(path);
  const present = await readFile(join(root, path), 'utf8').catch(() => undefined);
  if (present === text) continue;
  stale.push(path);
  if (check) continue;
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}
for (const folder of [schemasFolder, sqlFolder]) {
  for (const name of await readdir(join(root, folder)).catch(() => [])) {
    const path = `${folder}/${name}`;
    if (Object.hasOwn(files, path)) continue;
    stale.push(path);
    if (!check) await rm(join(root, path));
  }
}
if (stale.length > 0) console.log(`${check ? 'out of date' : 'written'}: ${stale.join(', ')}`);
if (check && stale.length > 0) {
  console.log('make them anew: npm run generate');
  process.exitCode = 1;
}

if (process.argv.includes('--freeze') && !check) {
  const added = await freezeNew(join(root, frozenFolder), json);
  if (added.length > 0) console.log(`frozen: ${added.join(', ')}`);
}
for (const { message } of await complaintsAbout(join(root, frozenFolder))) {
  console.log(message);
  process.exitCode = 1;
}
