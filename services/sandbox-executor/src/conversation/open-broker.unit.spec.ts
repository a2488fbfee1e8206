import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@crucible/service-kit';
import { afterAll, expect, it } from 'vitest';
import { openBroker } from './open-broker.ts';

const folder = mkdtempSync(join(tmpdir(), 'crucible-models-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const logger = createLogger('sandbox-executor', 'silent');
const fileWith = (text: string): string => {
  const path = join(folder, 'models.yaml');
  writeFileSync(path, text);
  return path;
};

it('knows the scripted models without a file', async () => {
  const broker = await openBroker({}, {}, logger);
  expect(broker.models().map(({ name }) => name)).toContain('scripted/intruder');
});

it('names every mistake of a file, with its place', async () => {
  const path = fileWith(`models:
  - { name: a, provider: openai, model: m, key: { env: KEY_THAT_IS_NOT_SET } }
  - { name: b, provider: nobody, model: m }
`);
  const opening = openBroker({ CRUCIBLE_MODELS_FILE: path }, {}, logger);
  await expect(opening).rejects.toThrow(/the models of CRUCIBLE_MODELS_FILE are not usable:/);
  await expect(opening).rejects.toThrow(/models\.yaml:2:\d+: models\[0\]\.key: .*KEY_THAT_IS_NOT_SET/);
  await expect(opening).rejects.toThrow(/models\.yaml:3:\d+: models\[1\]\.provider/);
  await expect(openBroker({ CRUCIBLE_MODELS_FILE: join(folder, 'none.yaml') }, {}, logger)).rejects.toThrow(
    /there is no such file/,
  );
});
