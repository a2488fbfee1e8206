import { findProgram } from './command.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

/** A browser the end-to-end tests can drive; undefined when there is none on `path`. */
export const findBrowser = (path: string): string | undefined => {
  for (const name of names) {
    const found = findProgram(name, path);
    if (found) return found;
  }
  return undefined;
};
