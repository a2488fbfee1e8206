import { Lineage } from './lineage.ts';
import { familyName, hostAndPort, namespacesOf, socketTypeName } from './socket-names.ts';
import type { EventKind, EventOf, TypedEvent } from './typed-event.ts';

interface ActBase {
  readonly tgid: number;
  readonly proc: string;
}
interface Named {
  readonly name: string;
  readonly errno: string;
}
interface Run {
  readonly path: string;
  readonly args: readonly string[];
}
interface Reach {
  readonly family: number;
  readonly address: string;
  readonly local: boolean;
  readonly errno: string;
}

/** An act as the sandbox's kernel told it and as a line of `kernel` evidence holds it. Texts are hostile. */
export type KernelAct = ActBase &
  (
    | { readonly kind: 'start'; readonly cwd: string }
    | { readonly kind: 'spawn'; readonly childTid: number; readonly childTgid: number }
    | ({ readonly kind: 'spawned'; readonly flags: number } & Named)
    | ({ readonly kind: 'image' | 'exec' } & Run)
    | { readonly kind: 'exit'; readonly status: number }
    | {
        readonly kind: 'open';
        readonly path: string;
        readonly write: boolean;
        readonly errno: string;
        readonly forTool?: true | undefined;
      }
    | {
        readonly kind: 'socket';
        readonly family: number;
        readonly socketType: number;
        readonly protocol: number;
        readonly errno: string;
      }
    | ({ readonly kind: 'connect' | 'bind' } & Reach)
    | { readonly kind: 'call'; readonly name: string; readonly args: readonly number[] }
    | ({ readonly kind: 'opaque' } & Named)
    | { readonly kind: 'concealed'; readonly name: string }
  );

/** The sandbox's first process is ours: what it does to prepare the trial is no act of the guest. */
const INIT = 1;
const ARGS_MAX = 64;
const ARG_CHARS_MAX = 4_096;
const UINT32 = 2 ** 32;

/** A register as C's `int` would be read where it fits, so that -1 is -1; wider values as they are. */
const signed = (value: number): number => {
  if (!Number.isFinite(value)) return 0;
  if (value >= 2 ** 63) return Math.trunc(value - 2 ** 64) || -1;
  return value >= -UINT32 / 2 && value < UINT32 ? value | 0 : Math.trunc(value);
};

const OWN_PROCESS = /^\/proc\/(?:self|thread-self)(?:\/|$)/;

type Made<K extends EventKind> = Omit<EventOf<K>, 'at' | 'place' | 'kind' | 'pid' | 'process' | 'depth' | 'generation'>;

/** Turns one trial's acts into events for rules, and remembers what a rule cannot see in a single act. Memory is bounded. */
export class KernelEvents {
  readonly #lineage = new Lineage();

  /**
   * @param n number of the record in its trial
   * @param at milliseconds since 1970
   * @returns null for what is no act of the guest
   */
  take(act: KernelAct, n: number, at: number): TypedEvent | null {
    if (act.kind === 'start') this.#lineage.startedIn(act.cwd);
    const byInit = act.tgid === INIT && !(act.kind === 'open' && act.forTool);
    const event = byInit || act.kind === 'start' ? null : this.#event(act, n, at);
    if (act.kind === 'spawn') this.#lineage.spawned(act.tgid, act.childTgid);
    else if (act.kind === 'open' && act.write && act.errno === '')
      this.#lineage.wrote(byInit ? 'init' : 'trial', act.path);
    return event;
  }

  #event(act: Exclude<KernelAct, { kind: 'start' }>, n: number, at: number): TypedEvent {
    const kind = `kernel.${act.kind}` as const;
    const fields = this.#fields(act);
    return {
      kind,
      at,
      place: { channel: 'kernel', record: n, stream: null, offset: null },
      pid: act.tgid,
      process: act.proc,
      ...this.#lineage.of(act.tgid),
      ...fields,
    } as TypedEvent;
  }

  #fields(act: Exclude<KernelAct, { kind: 'start' }>): object {
    switch (act.kind) {
      case 'spawn':
        return { child: act.childTid, thread: act.childTgid === act.tgid } satisfies Made<'kernel.spawn'>;
      case 'spawned':
        return {
          name: act.name,
          namespaces: act.name === 'clone' ? namespacesOf(act.flags) : [],
          errno: act.errno,
        } satisfies Made<'kernel.spawned'>;
      case 'image':
      case 'exec':
        return this.#run(act);
      case 'exit':
        return { status: act.status } satisfies Made<'kernel.exit'>;
      case 'open':
        return {
          path: act.path,
          write: act.write,
          errno: act.errno,
          ownProgram: this.#lineage.isOwnProgram(act.path),
          ownProcess: OWN_PROCESS.test(act.path) || act.path.startsWith(`/proc/${act.tgid}/`),
        } satisfies Made<'kernel.open'>;
      case 'socket':
        return {
          family: familyName(act.family),
          type: socketTypeName(act.socketType),
          protocol: act.protocol,
          errno: act.errno,
        } satisfies Made<'kernel.socket'>;
      case 'connect':
      case 'bind':
        return reach(act);
      case 'call': {
        const args = act.args.map(signed);
        return {
          name: act.name,
          args,
          namespaces: act.name === 'unshare' ? namespacesOf(args[0] ?? 0) : [],
        } satisfies Made<'kernel.call'>;
      }
      case 'opaque':
        return { name: act.name, errno: act.errno } satisfies Made<'kernel.opaque'>;
      case 'concealed':
        return { name: act.name } satisfies Made<'kernel.concealed'>;
    }
  }

  #run(act: ActBase & Run & { readonly kind: 'image' | 'exec' }): Made<'kernel.exec'> {
    const args = act.args.slice(0, ARGS_MAX).map((arg) => arg.slice(0, ARG_CHARS_MAX));
    const known = this.#lineage.program(act.tgid, { path: act.path, args }, act.kind === 'image');
    if (act.kind === 'image' && known.written) this.#lineage.multiplied(act.tgid);
    return {
      path: act.path,
      program: act.path.slice(act.path.lastIndexOf('/') + 1),
      args,
      command: args.join(' ').slice(0, ARG_CHARS_MAX),
      ...known,
    };
  }
}

const reach = (act: Reach): Made<'kernel.connect'> => {
  const family = familyName(act.family);
  const named = family === 'inet' || family === 'inet6';
  return {
    family,
    address: act.address,
    ...(named ? hostAndPort(act.address) : { host: '', port: 0 }),
    local: act.local,
    errno: act.errno,
  };
};
