import type { CallView } from '@crucible/api';
import type { LoggedEvent } from './logged.ts';

/** What the read model keeps of a call to a model or a tool: what its event told, and where and when. */
export const callOf = ({ event, position }: Pick<LoggedEvent, 'event' | 'position'>): CallView | null => {
  const told = { position, at: event.time };
  switch (event.type) {
    case 'crucible.trial.model-called.v2': {
      // What budgets paid for it is the executors' affair.
      const { settled: _settled, ...call } = event.data;
      return { kind: 'model', ...told, ...call };
    }
    case 'crucible.trial.tool-called.v1':
      return { kind: 'tool', ...told, ...event.data };
    default:
      return null;
  }
};
