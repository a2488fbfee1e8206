import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { say, WireServer } from '@crucible/models/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endOf, outputOf, submit, trialsOf } from './support/api.ts';
import { allReady, pids } from './support/cli.ts';
import { platform } from './support/facts.ts';
import { history } from './support/history.ts';
import { bash } from './support/wire-model.ts';

/** Where the platform keeps how to start the executor again, readable for its own user alone. */
const SPEC = 'run/sandbox-executor.spec.json';
/** Of sandboxes and their images: nothing is written there but by the engine and by guests. */
const NOT_OURS = new Set(['engine', 'cache']);

let wire: WireServer;
let key: string;
beforeAll(async () => {
  await allReady();
  wire = await WireServer.start(platform().modelPort);
  const spec = JSON.parse(await readFile(join(platform().home, SPEC), 'utf8')) as { env: Record<string, string> };
  key = spec.env['E2E_MODEL_KEY'] ?? '';
  expect(key.length).toBeGreaterThan(30);
}, 90_000);
afterAll(() => wire?.stop());

const holdsKey = async (path: string): Promise<boolean> =>
  (await readFile(path).catch(() => Buffer.alloc(0))).includes(key);

const filesBelow = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries.map((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : filesBelow(path);
      return entry.isFile() ? [path] : [];
    }),
  );
  return found.flat();
};

describe('the key of a model', () => {
  it('goes to its provider, and is nowhere but with the executor', async () => {
    wire.next(bash('env; cat /proc/*/environ; cat /work/*'), say('done'));
    const { id } = await submit({
      suite: {
        apiVersion: 'crucible/v1',
        kind: 'Suite',
        metadata: { name: 'keyed', version: '1.0.0', title: 'Keyed' },
        dataset: { samples: [{ id: 'one', input: 'Look around.', target: 'done' }] },
        solver: { kind: 'agent', tools: ['bash'] },
        scorers: [{ kind: 'exact' }],
      },
      subject: { kind: 'model', model: 'wire/keyed' },
    });
    expect(await endOf(id)).toMatchObject({ status: 'completed', trials: { passed: 1 } });
    expect(wire.requests.map(({ headers }) => headers['authorization'])).toEqual([`Bearer ${key}`, `Bearer ${key}`]);

    const running = Object.entries(await pids());
    const holders = await Promise.all(
      running.map(async ([name, pid]) => ((await holdsKey(`/proc/${pid}/environ`)) ? [name] : [])),
    );
    expect(holders.flat()).toEqual(['sandbox-executor']);

    const [trial] = await trialsOf(id);
    const { bytes } = await outputOf(id, trial?.id ?? '');
    expect(bytes.length).toBeGreaterThan(100);
    expect(bytes.includes(key)).toBe(false);
    expect(JSON.stringify(await history())).not.toContain(key);

    const files = await filesBelow(platform().home);
    expect(files.length).toBeGreaterThan(50);
    const written = await Promise.all(files.map(async (path) => ((await holdsKey(path)) ? [path] : [])));
    expect(written.flat()).toEqual([join(platform().home, SPEC)]);
  }, 120_000);
});
