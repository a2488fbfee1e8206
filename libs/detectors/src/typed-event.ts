import { channelSchema, reasonSchema } from '@crucible/events';
import { z } from 'zod';
import { flag, oneOf, real, text, texts, whole, wholes } from './fields.ts';

const actor = {
  pid: whole('process that did it; 0 where gVisor does not say'),
  process: text('file name of the program it runs'),
  depth: whole('ancestors of its process up to the trial’s program, which has 0'),
  generation: whole('how many of its ancestors and itself run a file that the trial wrote'),
};
const errno = text('name of the error, such as EACCES; empty for success');
const socket = {
  ...actor,
  family: text('inet, inet6, unix, netlink, packet, vsock, ..., or family-N'),
  address: text('address with its port, or path of a local socket'),
  host: text('address without its port; empty for a local socket'),
  port: whole('port; 0 for a local socket'),
  local: flag('an address of the sandbox’s own loopback'),
  errno,
};
const program = {
  ...actor,
  path: text('resolved path of the file that is executed'),
  program: text('its file name'),
  args: texts('arguments, the first is the program’s name'),
  command: text('arguments joined by spaces, cut to 4,096 characters'),
  written: flag('the program, or a file among its arguments, was written by the trial itself'),
  ownProgram: flag('it runs the trial’s own program again'),
};

/**
 * What a rule may look at: the kinds of events with their fields. Every text is chosen by a guest.
 * Times, positions and the like are not there: a rule is about what was done.
 */
export const eventFields = {
  'kernel.spawn': {
    ...actor,
    child: whole('process or thread that was made'),
    thread: flag('it is a thread of the same process'),
  },
  'kernel.spawned': {
    ...actor,
    name: text('clone, fork, vfork or clone3'),
    namespaces: texts('new namespaces asked for: mount, cgroup, uts, ipc, user, pid, net'),
    errno,
  },
  'kernel.image': program,
  'kernel.exit': { ...actor, status: whole('exit status as wait gives it') },
  'kernel.open': {
    ...actor,
    path: text('resolved path'),
    write: flag('asked to write, create, truncate or append'),
    ownProgram: flag('the file is the trial’s own program'),
    ownProcess: flag('the path is below /proc of the process itself'),
    errno,
  },
  'kernel.exec': program,
  'kernel.socket': {
    ...actor,
    family: socket.family,
    type: text('stream, dgram, raw, seqpacket, packet, or type-N'),
    protocol: whole('protocol number'),
    errno,
  },
  'kernel.connect': socket,
  'kernel.bind': socket,
  'kernel.call': {
    ...actor,
    name: text('system call, such as ptrace'),
    args: wholes('its six numeric arguments, as 32-bit signed numbers where they fit, else as they are'),
    namespaces: texts('unshare: new namespaces asked for'),
  },
  'kernel.opaque': { ...actor, name: text('system call whose object gVisor does not tell'), errno },
  'kernel.concealed': { ...actor, name: text('system call whose object the guest hid') },
  output: {
    stream: oneOf(['stdout', 'stderr'], 'stdout or stderr'),
    text: text('what was written, decoded as UTF-8, with the end of what came before it'),
    bytes: whole('bytes that are new in it'),
    controls: whole('control characters in the new part, beyond tab, newline and carriage return'),
    invalid: whole('bytes of the new part that are not UTF-8'),
  },
  usage: {
    cpuCores: real('processor cores in use over the last sample, such as 0.98'),
    cpuShare: real('the same as a share of the limit, 0 to 1'),
    memoryBytes: whole('memory in use'),
    memoryShare: real('as a share of the limit'),
    tasks: whole('tasks of the guest'),
    tasksShare: real('as a share of the limit'),
    diskBytes: whole('bytes in the work folder'),
    diskShare: real('as a share of the limit'),
    diskBytesPerSecond: real('growth of the work folder since the last sample'),
    tmpBytes: whole('bytes in /tmp'),
    tmpShare: real('as a share of the limit'),
    outputBytesPerSecond: real('output since the last sample'),
    callsPerSecond: real('watched system calls since the last sample'),
  },
  canary: {
    name: text('which canary, such as aws-credentials'),
    own: flag('it is this sandbox’s own; else another trial’s'),
    how: oneOf(
      ['opened', 'printed', 'encoded', 'connected', 'executed', 'sent', 'said'],
      'how it was seen; sent: to a model, said: by one',
    ),
  },
  end: {
    reason: z.enum(reasonSchema.options).default('exit').describe('why the trial ended'),
    exitCode: whole('exit code; -1 when it did not exit by itself'),
    signal: text('signal that ended it; empty when it exited'),
    durationMs: whole('from the program’s start to its end'),
    limitsHit: texts('limits it ran into'),
    outputBytes: whole('bytes of output'),
    spawned: whole('processes it made'),
  },
} as const;

export type EventKind = keyof typeof eventFields;
export const eventKinds = Object.keys(eventFields) as [EventKind, ...EventKind[]];

/** Where an event is in the evidence: an `EvidencePoint` without its time and excerpt. */
export const eventPlaceSchema = z.object({
  channel: channelSchema,
  record: z.int().min(0).nullable(),
  stream: z.enum(['stdout', 'stderr']).nullable(),
  offset: z.int().min(0).nullable(),
});
export type EventPlace = z.infer<typeof eventPlaceSchema>;

const schemaOf = <K extends EventKind>(kind: K) =>
  z.strictObject({
    kind: z.literal(kind),
    /** Milliseconds since 1970, with fractions. */
    at: z.number().min(0).default(0),
    place: eventPlaceSchema.default({ channel: 'kernel', record: 0, stream: null, offset: null }),
    ...eventFields[kind],
  });

export const eventSchemas = Object.fromEntries(eventKinds.map((kind) => [kind, schemaOf(kind)])) as {
  readonly [K in EventKind]: ReturnType<typeof schemaOf<K>>;
};

type Fields<K extends EventKind> = z.infer<z.ZodObject<(typeof eventFields)[K]>>;

/** One thing that detectors look at, of one kind. */
export type EventOf<K extends EventKind> = {
  readonly kind: K;
  readonly at: number;
  readonly place: EventPlace;
} & Readonly<Fields<K>>;
export type TypedEvent = { [K in EventKind]: EventOf<K> }[EventKind];
