import { getSession, whenSignedOut } from '../api.ts';

/** Who this browser is to the gateway, and whether it still knows it: that ends on the first 401, of a request or a stream. */
class SessionStore {
  ended = $state(false);
  /** Null until the gateway has answered. */
  team = $state<string | null>(null);

  async load(): Promise<void> {
    this.team = (await getSession().catch(() => null))?.team ?? this.team;
  }
}

export const session = new SessionStore();

whenSignedOut(() => {
  session.ended = true;
});
