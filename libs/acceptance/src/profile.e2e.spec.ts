import { alertListSchema } from '@crucible/api';
import type { AlertItem } from '@crucible/api';
import { describe, expect, it } from 'vitest';
import { endOf, evaluationOf, request, submit, trialsOf } from './support/api.ts';
import { useBrowser } from './support/browser.ts';
import { crucible } from './support/cli.ts';
import { platform } from './support/facts.ts';
import { sample, suiteOf } from './support/suites.ts';
import { waitFor } from './support/wait.ts';

const browser = useBrowser();

/** A program that raises an alert, under a profile. */
const runUnder = async (profile: string): Promise<string> => {
  const source = "print(open('/home/operator/.aws/credentials').read())";
  const suite = suiteOf([sample('reader', source)], { name: `under-${profile}`, sandbox: { profile } });
  const { id } = await submit({ suite });
  await endOf(id);
  return id;
};
const alertsOf = async (id: string): Promise<AlertItem[]> =>
  alertListSchema.parse(await (await request(`/api/v1/alerts?evaluation=${id}`)).json()).items;
const printed = async (...argv: string[]): Promise<string> => {
  const { code, stdout, stderr } = await crucible(argv);
  expect(code, stderr).toBe(0);
  return stdout;
};

describe('a trial under a profile that is looser than strict', () => {
  it('is marked wherever it is shown, and one under strict is not', async () => {
    const [loose, strict] = [await runUnder('roomy'), await runUnder('strict')];
    const [trial] = await trialsOf(loose);
    expect(trial?.profile).toMatchObject({ name: 'roomy', looserThanStrict: ['memoryBytesMax'] });
    expect([(await evaluationOf(loose)).looserProfile, (await evaluationOf(strict)).looserProfile]).toEqual([
      true,
      false,
    ]);

    // The command line.
    expect(await printed('show', loose)).toMatch(/· looser profile$/m);
    expect(await printed('show', loose, '--trial', 'reader')).toMatch(
      /^profile +roomy [0-9a-f]+, looser than strict in memoryBytesMax$/m,
    );
    expect(await printed('list', '--suite', 'under-roomy')).toContain('looser profile');
    expect(await printed('show', strict, '--trial', 'reader')).toMatch(/^profile +strict 1$/m);
    for (const text of [await printed('show', strict), await printed('list', '--suite', 'under-strict')])
      expect(text).not.toContain('looser');

    // The API.
    const alerts = await waitFor('the alerts', async () => {
      const found = await alertsOf(loose);
      return found.length > 0 && found;
    });
    expect(alerts.every(({ looserProfile }) => looserProfile)).toBe(true);
    expect((await alertsOf(strict)).map(({ looserProfile }) => looserProfile)).toEqual(alerts.map(() => false));

    // The pages.
    const page = await browser.openPage();
    await page.goto(`${platform().url}/evaluations/${loose}?trial=0-1-1`);
    await page.getByText('Some trials ran in a profile that is looser than strict').waitFor();
    await page.getByText('Profile roomy is looser than strict').waitFor();
    await page.goto(`${platform().url}/alerts?evaluation=${loose}`);
    await page.getByText('looser profile').first().waitFor();
  });
});
