import type { SandboxEnd, SandboxSession } from '../port.ts';
import { endOfNone } from './calls.ts';

/** What a session is where no sandbox could be had for it: it has ended already, and everything finds the sandbox gone. */
export const failedSession = (end: SandboxEnd): SandboxSession => {
  const gone = () => Promise.resolve({ kind: 'sandbox-gone' } as const);
  const ended = Promise.resolve(end);
  return {
    containerId: '',
    processId: null,
    ended,
    exec: endOfNone,
    killCall: () => undefined,
    writeFile: gone,
    readFile: gone,
    snapshot: gone,
    forward: gone,
    kill: () => undefined,
    close: () => ended,
  };
};
