import { LiveConnection } from '../live.ts';
import type { LiveMessage, LiveState } from '../live.ts';
import { session } from './session.svelte.ts';

/** A tab that nobody sees gives its connection back after this time: browsers allow six to one host. */
const hiddenMsMax = 20_000;

/** The page's connection to the log as the pill in the header shows it; null on pages that follow nothing. */
class Connection {
  state = $state<LiveState | null>(null);
  retryAtMs = $state<number | null>(null);
  retry: () => void = () => undefined;
}

export const connection = new Connection();

export interface Followed {
  readonly path: string;
  /** Resume behind this position; without it the stream begins at its beginning. */
  readonly after?: number;
  readonly onMessage: (message: LiveMessage) => void;
  readonly onState?: (state: LiveState) => void;
  /** Whether the header's pill speaks of this connection. */
  readonly isPrimary: boolean;
}

/** Follows an event stream while the page is in sight. Returns what ends it. */
export const follow = ({ path, after, onMessage, onState, isPrimary }: Followed): (() => void) => {
  const live = new LiveConnection({
    path,
    after,
    onMessage,
    onState: (state, retryAtMs) => {
      if (state === 'signed-out') session.ended = true;
      // A new login link was used in another tab: the cookie is this tab's too.
      if (state === 'live') session.ended = false;
      onState?.(state);
      if (!isPrimary) return;
      connection.state = state;
      connection.retryAtMs = retryAtMs;
    },
  });
  let hiding: ReturnType<typeof setTimeout> | undefined;
  const onVisibility = (): void => {
    clearTimeout(hiding);
    if (document.visibilityState === 'hidden') hiding = setTimeout(() => live.close(), hiddenMsMax);
    else live.open();
  };
  const onOnline = (): void => live.retryNow();
  document.addEventListener('visibilitychange', onVisibility);
  window.addEventListener('online', onOnline);
  if (isPrimary) connection.retry = onOnline;
  live.open();
  return () => {
    clearTimeout(hiding);
    document.removeEventListener('visibilitychange', onVisibility);
    window.removeEventListener('online', onOnline);
    live.close();
    if (!isPrimary) return;
    connection.state = null;
    connection.retryAtMs = null;
    connection.retry = () => undefined;
  };
};
