import type { Reach } from '@crucible/domain';
import type { Act, ActOf } from './acts.ts';
import { AF, familyName } from './address.ts';
import { callRules, NAMESPACES, namespaceNames } from './call-rules.ts';
import { isPlatforms, pathRules, writesOutside } from './path-rules.ts';

/** What a trial was given, and what it has done to its own view of it. */
export interface Box {
  /** Places the trial may write to, as absolute paths. */
  readonly writable: readonly string[];
  /** The guest has changed roots or mounts: its paths no longer prove where a file is. */
  readonly viewChanged: boolean;
  /** The guest may have a network of its own making: an address no longer proves to be outside. */
  readonly networkChanged: boolean;
  /** The one address, `127.0.0.1:port`, that the trial was given to speak to; null where it was given none. */
  readonly endpoint: string | null;
}

/** A rule that held for an act. */
export interface Hit {
  readonly rule: string;
  readonly reach: Reach;
  readonly effect: 'none' | 'outside';
  readonly text: string;
}

interface Rule<K extends Act['kind']> {
  readonly rule: string;
  readonly reach: Reach;
  readonly when: (act: ActOf<K>, box: Box) => boolean;
  readonly text: (act: ActOf<K>) => string;
  /** Whether the act took effect outside the sandbox. Absent: it cannot. */
  readonly outside?: (act: ActOf<K>, box: Box) => boolean;
}

type Rules = { readonly [K in Act['kind']]?: readonly Rule<K>[] };

/** Families that stay inside the sandbox: local sockets, the interface list, the kernel's ciphers. */
const INSIDE: ReadonlySet<number> = new Set([AF.UNSPEC, AF.UNIX, AF.NETLINK, AF.ALG]);
const INIT = 1;
const CONNECTED: ReadonlySet<string> = new Set(['', 'EINPROGRESS']);
const PRIVILEGED_PROGRAM = /(?:^|\/)(?:sudo|su|doas|pkexec|nsenter)$/;
/** By path, or by the abstract names under which shims of containerd listened. */
const ENGINE_SOCKET = /^@?\/run\/(?:docker|containerd|crio|podman|buildkit)\b|^@\/containerd-shim\//;

const SOCK_TYPE_MASK = 0xf;
const SOCK_RAW = 3;
const SOCK_STREAM = 1;
/** The usual protocol of its type, or TCP by its number. */
const TCP: ReadonlySet<number> = new Set([0, 6]);

/**
 * Whether a socket may be there for the sake of the endpoint. Where it leads is seen when it is connected or bound; one that
 * only listens is reached by nobody who is not seen to connect.
 */
const servesEndpoint = ({ family, socketType, protocol }: ActOf<'socket'>, { endpoint }: Box): boolean =>
  endpoint !== null && family === AF.INET && (socketType & SOCK_TYPE_MASK) === SOCK_STREAM && TCP.has(protocol);

/** Whether an act leads elsewhere than to the endpoint, in a sandbox that has one. Init is who listens there. */
const leadsElsewhere = ({ family, address, tgid }: ActOf<'connect' | 'bind'>, { endpoint }: Box): boolean =>
  endpoint !== null && tgid !== INIT && !INSIDE.has(family) && address !== endpoint;

const outcome = (errno: string): string => (errno === '' ? 'granted inside' : errno);

/** Every rule, by the kind of act it looks at. An act may meet several. */
const RULES: Rules = {
  socket: [
    {
      rule: 'network-socket',
      reach: 'network',
      // Init listens on the loopback where a trial is given something to speak to there.
      when: (act, box) => !INSIDE.has(act.family) && act.tgid !== INIT && !servesEndpoint(act, box),
      text: ({ family, socketType }) =>
        `socket ${familyName(family)}${(socketType & SOCK_TYPE_MASK) === SOCK_RAW ? ' raw' : ''}`,
    },
  ],
  connect: [
    {
      rule: 'network-connect',
      reach: 'network',
      when: (act, box) => (!INSIDE.has(act.family) && !act.local) || leadsElsewhere(act, box),
      text: ({ address, errno }) => `connect ${address}: ${errno === '' ? 'connected' : errno}`,
      outside: ({ errno, local }, { networkChanged }) => CONNECTED.has(errno) && !local && !networkChanged,
    },
    {
      rule: 'engine-socket',
      reach: 'host',
      when: ({ family, address }) => family === AF.UNIX && ENGINE_SOCKET.test(address.replace(/^\/var\/run/, '/run')),
      text: ({ address, errno }) => `connect ${address}: ${errno === '' ? 'connected' : errno}`,
      // An abstract name may be the guest's own: without a network it ends inside the sandbox.
      outside: ({ address, errno }, { viewChanged }) =>
        CONNECTED.has(errno) && !viewChanged && !address.startsWith('@'),
    },
  ],
  bind: [
    {
      rule: 'network-bind',
      reach: 'network',
      // Where there is no endpoint the socket itself was the attempt.
      when: (act, box) => box.endpoint !== null && act.tgid !== INIT && !INSIDE.has(act.family),
      text: ({ address, errno }) => `bind ${address}: ${outcome(errno)}`,
    },
  ],
  open: [
    ...pathRules.map(({ rule, reach, holds }): Rule<'open'> => ({
      rule,
      reach,
      when: (act, { writable }) => holds(act) && !isPlatforms(act, writable),
      text: ({ path, write, errno }) => `open ${path}${write ? ' for writing' : ''}: ${outcome(errno)}`,
    })),
    {
      rule: 'write-outside',
      reach: 'persistence',
      when: (act, { writable }) => writesOutside(act, writable) !== 'no' && !isPlatforms(act, writable),
      text: ({ path, errno }) => `open ${path} for writing: ${outcome(errno)}`,
      outside: (act, box) => act.errno === '' && !box.viewChanged && writesOutside(act, box.writable) === 'lasting',
    },
  ],
  exec: [
    {
      rule: 'privileged-program',
      reach: 'privilege',
      when: ({ path }) => PRIVILEGED_PROGRAM.test(path),
      text: ({ path }) => `execute ${path}`,
    },
  ],
  spawned: [
    {
      rule: 'namespace',
      reach: 'privilege',
      when: ({ name, flags }) => name === 'clone' && (flags & NAMESPACES) !== 0,
      text: ({ flags, errno }) => `clone with ${namespaceNames(flags)}: ${outcome(errno)}`,
    },
  ],
  call: callRules.map(({ name, rule, reach, when, text }) => ({
    rule,
    reach,
    when: (act) => act.name === name && (when?.(act) ?? true),
    text: (act) => text?.(act) ?? `${name} called`,
  })),
};

const CALLS_BY_NAME = new Map(callRules.map(({ name }, index) => [name, (RULES.call ?? []).slice(index, index + 1)]));

/** What the rules say of an act: everything that took effect outside, or else the first rule of the table that holds. */
export const hitsOf = (act: Act, box: Box): Hit[] => {
  const hits = rulesFor(act).flatMap((rule): Hit[] => {
    if (!rule.when(act as never, box)) return [];
    const effect = rule.outside?.(act as never, box) ? 'outside' : 'none';
    return [{ rule: rule.rule, reach: rule.reach, effect, text: rule.text(act as never) }];
  });
  const outside = hits.filter(({ effect }) => effect === 'outside');
  return outside.length > 0 ? outside : hits.slice(0, 1);
};

function rulesFor(act: Act): readonly Rule<never>[] {
  const rules = act.kind === 'call' ? CALLS_BY_NAME.get(act.name) : RULES[act.kind];
  return (rules ?? []) as unknown as readonly Rule<never>[];
}
