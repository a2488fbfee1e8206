import { readSettings } from '../config.ts';
import { PlatformFailure } from '../platform/failure.ts';
import { ApiClient, explained } from './api-client.ts';

/**
 * A client of the platform that is up.
 * @throws PlatformFailure when none is: these verbs start nothing
 */
export const currentClient = async (): Promise<ApiClient> => {
  const { currentPlatform } = await import('../platform/platform.ts');
  const info = currentPlatform(readSettings());
  if (info === undefined) throw new PlatformFailure('the platform is not running', 'start it: ./crucible up');
  return new ApiClient(info);
};

/** A client of the platform, which is brought up first where it is not. Steps are shown on standard error, or as JSON lines. */
export const startedClient = async (json: boolean): Promise<ApiClient> => {
  const [{ ensurePlatform }, { terminalSteps }] = await Promise.all([
    import('../platform/platform.ts'),
    import('../terminal.ts'),
  ]);
  const steps = terminalSteps({ json, shownFromMs: 300, toError: !json });
  return new ApiClient(await ensurePlatform({ settings: readSettings(), steps }));
};

/** Runs a verb's work with every failure of the client said in a verb's words. */
export const saying = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw explained(error);
  }
};
