import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { callListSchema } from '@crucible/api';
import { startPlatform } from '@crucible/cli/testing';
import type { TestPlatform } from '@crucible/cli/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { crucible, jsonLines } from './support/cli.ts';

/** Starts take a quarter of a minute each, of which these make two. */
const START_MS_MAX = 180_000;
let platform: TestPlatform | undefined;
afterAll(() => platform?.stop(), 60_000);

describe('files of the operator', () => {
  it(
    'name their mistakes when the platform starts: models',
    async () => {
      const models = `models:
  - { name: good, provider: openai-compatible, model: m, baseUrl: 'http://127.0.0.1:1/v1' }
  - { name: bad, provider: openai, model: m, price: { input: cheap } }
`;
      const started = startPlatform({ models });
      await expect(started).rejects.toThrow(
        /models\.yaml:3:5: models\[1\]\.key: is missing.*\n.*models\[1\]\.price\.output/,
      );
    },
    START_MS_MAX,
  );

  it(
    'hold for every suite of their team: approvals',
    async () => {
      const before = ({ home }: { readonly home: string }): Promise<void> =>
        Promise.resolve(
          writeFileSync(join(home, 'approvals.yaml'), 'teams:\n  default:\n    - { tool: bash, action: deny }\n'),
        );
      platform = await startPlatform({ before });
      const argv = ['run', 'access-flag', '--limit', '1', '--model', 'scripted/intruder', '--no-start', '--json'];
      const { stdout, stderr } = await crucible(argv, { env: { CRUCIBLE_HOME: platform.home } });
      const result = jsonLines(stdout).at(-1);
      expect(result, stderr).toMatchObject({ status: 'completed', score: 0 });
      const answer = await fetch(
        `${platform.url}/api/v1/evaluations/${String(result?.['evaluationId'])}/trials/0-1-1/calls?kind=tool&limit=100`,
        { headers: { authorization: `Bearer ${platform.token}` } },
      );
      const calls = callListSchema.parse(await answer.json()).items;
      const told = calls.flatMap((call) => (call.kind === 'tool' && call.tool === 'bash' ? [call.status] : []));
      expect(new Set(told)).toEqual(new Set(['denied']));
    },
    START_MS_MAX,
  );
});
