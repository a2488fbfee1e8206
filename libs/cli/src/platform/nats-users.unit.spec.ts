import { expect, it } from 'vitest';
import { locateHome } from './home.ts';
import { natsConfiguration } from './nats.ts';
import { natsUsers, type NatsUser } from './nats-users.ts';

const passwords = Object.fromEntries(natsUsers.map((user) => [user, `pw-${user}`])) as Record<NatsUser, string>;
const text = natsConfiguration(locateHome('/h'), { client: 1, monitor: 2 }, passwords);

interface Account {
  readonly jetstream?: string;
  readonly users: readonly { readonly user: string; readonly permissions?: { publish: { allow: string[] } } }[];
  readonly imports?: readonly { readonly service?: { subject: string }; readonly to?: string }[];
}
const accounts = JSON.parse(text.slice(text.indexOf('accounts ') + 'accounts '.length)) as Record<string, Account>;

it('gives each user but the operator an account of its own, without streams', () => {
  expect(Object.values(accounts).map(({ users }) => users.length)).toEqual(natsUsers.map(() => 1));
  expect(Object.entries(accounts).flatMap(([name, { jetstream }]) => (jetstream === undefined ? [] : [name]))).toEqual([
    'CRUCIBLE',
  ]);
});

it('gives nobody a call of JetStream that makes something, sends it elsewhere or takes it out of the record', () => {
  const calls = [...text.matchAll(/"((?:\$JS|CRUCIBLE)\.API\.[^"]+)"/g)].map(([, call = '']) => call);
  expect(calls).toContain('CRUCIBLE.API.CONSUMER.MSG.NEXT.EVENTS.notifier');
  const harmless =
    /^(\$JS|CRUCIBLE)\.API\.(INFO|STREAM\.(INFO|MSG\.GET)\.[A-Z_]+|STREAM\.PURGE\.(OBJ_CONTENT|EVIDENCE)|DIRECT\.GET\.[A-Z_]+|CONSUMER\.(INFO|MSG\.NEXT)\.[A-Z]+\.[a-z-]+)$/;
  expect(calls.filter((call) => !harmless.test(call))).toEqual([]);
});

it('lets no two services write the same subject, but the scheduler what people submit and executors end', () => {
  const owners = new Map<string, string[]>();
  for (const [account, { imports = [] }] of Object.entries(accounts))
    for (const { service } of imports)
      if (service?.subject.startsWith('crucible.'))
        owners.set(service.subject, [...(owners.get(service.subject) ?? []), account]);
  expect([...owners].filter(([, of]) => of.length > 1)).toEqual([
    ['crucible.events.evaluation.*', ['GATEWAY', 'SCHEDULER']],
    ['crucible.events.evaluation.*.trial.*', ['SCHEDULER', 'SANDBOX_EXECUTOR']],
  ]);
  // What people ask of a running trial: neither the one who runs it nor the one who plans it can say it for them.
  expect(owners.get('crucible.events.evaluation.*.trial.*.command')).toEqual(['GATEWAY']);
  expect(owners.get('crucible.events.platform.dead-letter.notifier')).toEqual(['NOTIFIER']);
});
