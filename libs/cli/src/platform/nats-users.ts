import { durableDefinitions } from '@crucible/event-log';

/** Who may connect to the bus: one user a service, one for people and tests, one for other teams' programs. */
export const natsUsers = [
  'gateway',
  'scheduler',
  'sandbox-executor',
  'audit',
  'notifier',
  'operator',
  'subscriber',
] as const;
export type NatsUser = (typeof natsUsers)[number];
/** Everybody but the operator, whose account the streams are in. */
type Guest = Exclude<NatsUser, 'operator'>;
type Service = Exclude<Guest, 'subscriber'>;

/** Whose the streams are. The name is part of their path in the server's store. */
export const platformAccount = 'CRUCIBLE';

const accountOf = (user: Guest): string =>
  user === 'subscriber' ? 'READERS' : user.toUpperCase().replaceAll('-', '_');

const everyStream = ['EVENTS', 'EVIDENCE', 'DISPATCH', 'CHECKPOINTS', 'OBJ_CONTENT'] as const;
type Stream = (typeof everyStream)[number];

/** Kinds of subjects that are heard as they are said, by their second word. */
const kinds = ['events', 'evidence', 'control', 'checkpoints', 'live'] as const;
type Kind = (typeof kinds)[number];
const everything = (kind: Kind): string => (kind === 'checkpoints' ? 'crucible.checkpoints' : `crucible.${kind}.>`);

/** What one service may do, in the words of docs/architecture.md. */
interface Rights {
  /** Subjects it writes: what it owns. */
  readonly owns: readonly string[];
  /** Streams whose stored messages it may ask for. */
  readonly reads: readonly Stream[];
  /** What it hears as it is said. */
  readonly hears: readonly Kind[];
  /** Streams it may take messages out of. */
  readonly purges?: readonly Stream[];
}

const deadLetters = (service: Service): string => `crucible.events.platform.dead-letter.${service}`;

/**
 * A service that was taken over can spoil what is its own, and not say another's part of a story. Nobody makes streams or
 * consumers: a consumer's messages go wherever its maker says, and one call of `$JS.API.ACCOUNT.PURGE` removes every
 * stream, also those that refuse to be deleted.
 */
const rights: Readonly<Record<Service, Rights>> = {
  gateway: {
    owns: [
      'crucible.events.evaluation.*',
      'crucible.events.evaluation.*.trial.*.command',
      'crucible.events.team.>',
      'crucible.events.platform.redrive',
      'crucible.events.platform.stop',
      deadLetters('gateway'),
      'crucible.control.>',
      '$O.CONTENT.>',
    ],
    reads: ['EVENTS', 'EVIDENCE', 'OBJ_CONTENT'],
    hears: ['events', 'evidence', 'live'],
    // An object store clears away what an interrupted write of an object left.
    purges: ['OBJ_CONTENT'],
  },
  scheduler: {
    owns: [
      'crucible.events.evaluation.*',
      'crucible.events.evaluation.*.trial.*',
      deadLetters('scheduler'),
      'crucible.dispatch.>',
    ],
    reads: ['EVENTS', 'OBJ_CONTENT'],
    hears: ['events'],
  },
  'sandbox-executor': {
    owns: [
      'crucible.events.evaluation.*.trial.*',
      'crucible.events.platform.executor',
      'crucible.events.platform.evidence',
      deadLetters('sandbox-executor'),
      'crucible.evidence.>',
      'crucible.live.evaluation.*.trial.*',
    ],
    reads: ['EVENTS', 'EVIDENCE', 'OBJ_CONTENT'],
    hears: ['events', 'control'],
    // Evidence may be erased; its seals stay in the record.
    purges: ['EVIDENCE'],
  },
  audit: {
    owns: ['crucible.checkpoints', deadLetters('audit')],
    reads: ['EVENTS', 'EVIDENCE', 'CHECKPOINTS', 'OBJ_CONTENT'],
    hears: ['events'],
  },
  notifier: {
    owns: ['crucible.events.platform.delivery', deadLetters('notifier')],
    reads: ['EVENTS'],
    hears: ['events'],
  },
};
const services = Object.keys(rights) as Service[];

/** What a reader may ask for: a stored message by its position, of the record and of its signed roots. */
const readable = ['EVENTS', 'CHECKPOINTS'].map((stream) => `$JS.API.DIRECT.GET.${stream}`);
const audible = ['events', 'checkpoints'] as const satisfies readonly Kind[];

/** Durable consumers of a service, `<stream>.<name>`. The operator has made them. */
const consumersOf = (service: Service): string[] =>
  durableDefinitions.filter((each) => each.service === service).map(({ stream, durable }) => `${stream}.${durable}`);

/** Requests of which each has one answer or none, as the platform's account knows them. */
const requests = (user: Guest): string[] => {
  if (user === 'subscriber') return readable;
  const { owns, reads, purges = [] } = rights[user];
  const consumers = consumersOf(user);
  return [
    ...owns,
    '$JS.API.INFO',
    ...everyStream.map((stream) => `$JS.API.STREAM.INFO.${stream}`),
    ...reads.flatMap((stream) => [`$JS.API.DIRECT.GET.${stream}`, `$JS.API.STREAM.MSG.GET.${stream}`]),
    ...purges.map((stream) => `$JS.API.STREAM.PURGE.${stream}`),
    ...consumers.flatMap((consumer) => [`$JS.API.CONSUMER.INFO.${consumer}`, `$JS.ACK.${consumer}.>`]),
  ];
};
/** Requests for messages, to which several answers may come. */
const pulls = (user: Guest): string[] =>
  user === 'subscriber' ? [] : consumersOf(user).map((consumer) => `$JS.API.CONSUMER.MSG.NEXT.${consumer}`);

/**
 * What a service calls it. The server answers `$JS.API` in every account itself, if only to say that it has no streams, so
 * the calls that a service was given are under another name there.
 */
const asCalledBy = (user: Guest, subject: string): string =>
  user === 'subscriber' ? subject : subject.replace(/^\$JS\.API\./u, 'CRUCIBLE.API.');

const hears = (user: Guest): readonly Kind[] => (user === 'subscriber' ? audible : rights[user].hears);
const isOf = (kind: Kind, subject: string): boolean =>
  subject.split('.')[1] === kind && subject.startsWith('crucible.');

/** Who says something of a kind, and on what subjects; the operator may say everything. */
const speakersOf = (kind: Kind): { account: string; name: string; subjects: readonly string[] }[] => [
  { account: platformAccount, name: 'operator', subjects: [everything(kind)] },
  ...services.map((service) => ({
    account: accountOf(service),
    name: service,
    subjects: rights[service].owns.filter((subject) => isOf(kind, subject)),
  })),
];

/**
 * What a service writes stays in its account until the streams' account stores it, so it is heard from its account, below
 * the speaker's name: the server lets no two accounts hear each other on one subject. Readers say nothing and hear it as it is.
 */
const streamImports = (user: Guest): object[] =>
  hears(user).flatMap((kind) =>
    speakersOf(kind)
      .filter(({ account }) => account !== accountOf(user))
      .flatMap(({ account, name, subjects }) =>
        subjects.map((subject) => ({
          stream: { account, subject },
          ...(user === 'subscriber' ? {} : { prefix: `heard.${name}` }),
        })),
      ),
  );

const streamExports = (account: string): object[] =>
  kinds.flatMap((kind) => {
    const accounts = (Object.keys({ ...rights, subscriber: 0 }) as Guest[])
      .filter((user) => hears(user).includes(kind) && accountOf(user) !== account)
      .map(accountOf);
    const said = speakersOf(kind).find((speaker) => speaker.account === account)?.subjects ?? [];
    return accounts.length === 0 ? [] : said.map((stream) => ({ stream, accounts }));
  });

/**
 * Connections of one account. Together they are fewer than the server takes, so that nobody keeps the others or the
 * operator out; services may have several instances.
 */
const SERVICE_CONNECTIONS_MAX = 32;
const READER_CONNECTIONS_MAX = 64;
/** Of one connection: each costs the server about a kilobyte, and a reader's password is handed on. */
const READER_SUBSCRIPTIONS_MAX = 1_000;

const limitsOf = (user: Guest): object =>
  user === 'subscriber'
    ? { max_connections: READER_CONNECTIONS_MAX, max_subscriptions: READER_SUBSCRIPTIONS_MAX }
    : { max_connections: SERVICE_CONNECTIONS_MAX };

type Passwords = Readonly<Record<NatsUser, string>>;

const guestAccount = (user: Guest, password: string): object => {
  const subjects = [...requests(user), ...pulls(user)];
  const heard = hears(user).flatMap((kind) =>
    user === 'subscriber' ? [everything(kind)] : [everything(kind), `heard.*.${everything(kind)}`],
  );
  const says = [...subjects.map((subject) => asCalledBy(user, subject))];
  return {
    users: [
      {
        user,
        password,
        permissions: {
          // The last is how a client learns that the account has no streams of its own.
          publish: { allow: user === 'subscriber' ? says : [...says, '$JS.API.INFO'] },
          subscribe: { allow: ['_INBOX.>', ...heard] },
        },
      },
    ],
    limits: limitsOf(user),
    imports: [
      ...subjects.map((subject) => ({
        service: { account: platformAccount, subject },
        to: asCalledBy(user, subject),
      })),
      ...streamImports(user),
    ],
    exports: streamExports(accountOf(user)),
  };
};

/** How long the server keeps open the way of an answer: longer than a request for messages lives. */
const PULL_ANSWER_MAX = '30s';

const guests: readonly Guest[] = [...services, 'subscriber'];

/** Exports of the platform's account: each subject once, with everybody who may have it. */
const serviceExports = (subjectsOf: (user: Guest) => readonly string[], more: object = {}): object[] => {
  const sharedWith = new Map<string, string[]>();
  for (const user of guests)
    for (const subject of subjectsOf(user))
      sharedWith.set(subject, [...(sharedWith.get(subject) ?? []), accountOf(user)]);
  return [...sharedWith].map(([service, accounts]) => ({ service, accounts, ...more }));
};

/**
 * The `accounts` of the server's configuration. A list of subjects alone makes nobody their owner: the server sends an
 * answer to whatever subject the asker names, stored messages among them, without asking whether they may speak there
 * (nats-server#8274). In an account of one's own those are nobody else's subjects.
 */
const accounts = (passwords: Passwords): object => ({
  [platformAccount]: {
    jetstream: 'enabled',
    users: [{ user: 'operator', password: passwords.operator }],
    exports: [
      ...serviceExports(requests),
      ...serviceExports(pulls, { response_type: 'stream', threshold: PULL_ANSWER_MAX }),
      ...streamExports(platformAccount),
    ],
  },
  ...Object.fromEntries(guests.map((user) => [accountOf(user), guestAccount(user, passwords[user])])),
});

/** The `accounts` entry of the server's configuration, whose format reads JSON as it is. */
export const accountsBlock = (passwords: Passwords): string =>
  `accounts ${JSON.stringify(accounts(passwords), null, 2)}`;
