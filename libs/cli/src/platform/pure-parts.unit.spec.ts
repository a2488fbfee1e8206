import { describe, expect, it } from 'vitest';
import { readSettings } from '../config.ts';
import { daemonConfiguration, fitsSockets, provesGvisor, traceConfiguration } from './engine-config.ts';
import { mountsUnder } from './engine-down.ts';
import { demultiplex } from './engine-api.ts';
import { releaseDate } from './gvisor.ts';
import { locateHome } from './home.ts';
import { nextAttempt, pauseMs, type Attempts } from './keeper.ts';
import { natsConfiguration } from './nats.ts';
import { natsUsers, type NatsUser } from './nats-users.ts';
import { parseOsRelease } from './packages.ts';
import { parsePort } from './ports.ts';
import { formatIdentity, parseIdentity, statFields } from './process-identity.ts';
import { capacityOf, reachableHost } from './services.ts';
import { mergeSettings } from './settings.ts';

const gvisor = { path: '/x/runsc', version: '20240729', platform: 'systrap' } as const;

describe('settings', () => {
  it('remembers what was given before, lets what is given now win, and forgets the empty', () => {
    const merged = mergeSettings(
      { CRUCIBLE_PORT: '4800', CRUCIBLE_NATS_URL: 'nats://a', CRUCIBLE_LOG_LEVEL: 'debug' },
      { CRUCIBLE_NATS_URL: 'nats://b', CRUCIBLE_LOG_LEVEL: '' },
    );
    expect(merged).toEqual({ CRUCIBLE_PORT: '4800', CRUCIBLE_NATS_URL: 'nats://b' });
  });

  it('takes the home from the environment, else from the checkout, and hands on only what is named', () => {
    const given = readSettings({ CRUCIBLE_HOME: '/a', CRUCIBLE_PORT: '1', OTHER: 'x', PATH: '/bin' });
    expect(given.home).toBe('/a');
    expect(given.given).toEqual({ CRUCIBLE_PORT: '1' });
    expect(given.inherited).not.toHaveProperty('OTHER');
    expect(readSettings({}).home).toBe(`${readSettings({}).repository}/.crucible`);
  });

  it.each(['0', '65536', 'abc', '80.5', '-1', ' '])('refuses %j as a port and names the variable', (text) => {
    expect(() => parsePort('CRUCIBLE_PORT', text)).toThrow(/CRUCIBLE_PORT/);
  });
});

describe('process identity', () => {
  it('survives its file', () => {
    const identity = { pid: 4242, started: '123456', boot: 'b-1' };
    expect(parseIdentity(formatIdentity(identity))).toEqual(identity);
  });

  it.each(['', '12', '12 34', '12 34 b', '1 34 b\n', '-5 34 b\n', '12 34 b\nmore', 'x 34 b\n'])(
    'refuses %j',
    (line) => {
      expect(parseIdentity(line)).toBeUndefined();
    },
  );

  it('reads past a command name made to mislead', () => {
    const rest = ['S', ...Array.from({ length: 18 }, (_, at) => String(at)), '777', '0'].join(' ');
    expect(statFields(`12 (evil) R 1 2 3) ${rest}`)).toEqual({ state: 'S', started: '777' });
    expect(statFields('')).toBeUndefined();
  });
});

describe('the keeper', () => {
  it('waits longer after each death, never longer than half a minute', () => {
    expect([0, 1, 2, 3, 6, 50].map(pauseMs)).toEqual([0, 1_000, 2_000, 4_000, 30_000, 30_000]);
  });

  it('starts the first time at once, then not before the pause, and forgets after a healthy minute', () => {
    const first = nextAttempt(undefined, 0);
    expect(first).toEqual({ count: 1, lastStartMs: 0 });
    expect(nextAttempt(first, 999)).toBeUndefined();
    expect(nextAttempt(first, 1_000)).toEqual({ count: 2, lastStartMs: 1_000 });
    const many: Attempts = { count: 9, lastStartMs: 0 };
    expect(nextAttempt(many, 29_999)).toBeUndefined();
    expect(nextAttempt(many, 60_000)).toEqual({ count: 1, lastStartMs: 60_000 });
  });
});

describe('the engine', () => {
  it('gives both runtimes no network, and only the watched one a trace', () => {
    const parsed = JSON.parse(daemonConfiguration({ gvisor, trace: '/t.json', gid: 0 })) as {
      runtimes: Record<string, { runtimeArgs: string[] }>;
      'default-runtime': string;
    };
    expect(parsed.runtimes['crucible']?.runtimeArgs).toEqual([
      '--network=none',
      '--platform=systrap',
      '--pod-init-config=/t.json',
    ]);
    expect(parsed.runtimes['crucible-unwatched']?.runtimeArgs).toEqual(['--network=none', '--platform=systrap']);
    expect(parsed['default-runtime']).toBe('crucible-unwatched');
  });

  it('refuses to start a sandbox whose watcher cannot be reached', () => {
    const { trace_session: session } = JSON.parse(traceConfiguration([{ name: 'container/start' }], '/s')) as {
      trace_session: { name: string; sinks: { ignore_setup_error: boolean }[] };
    };
    expect(session.name).toBe('Default');
    expect(session.sinks.map((sink) => sink.ignore_setup_error)).toEqual([false]);
  });

  it('takes only gVisor for gVisor', () => {
    const host = 'Linux version 6.18.0 (builder) #1 SMP\n';
    const inside = 'Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016\n[    0.000000] Starting gVisor...\n';
    expect(provesGvisor(inside, host)).toBe(true);
    expect(provesGvisor(inside, inside.split('\n')[0]!)).toBe(false);
    expect(provesGvisor(`${host}dmesg: read kernel buffer failed`, host)).toBe(false);
    expect(provesGvisor('', host)).toBe(false);
  });

  it('knows how old a runsc is', () => {
    expect(releaseDate('runsc version 0.0~20221219.0\nspec: 1.0.2-dev\n')).toBe(20_221_219);
    expect(releaseDate('runsc version release-20240729.0\n')).toBe(20_240_729);
    expect(releaseDate('something else')).toBeUndefined();
  });

  it('moves sockets out of a home whose path is too long for them', () => {
    expect(fitsSockets('/work/main/.crucible/engine/run')).toBe(true);
    expect(fitsSockets(`/${'x'.repeat(80)}/engine/run`)).toBe(false);
  });

  it('unmounts from the inside out, only what is its own', () => {
    const info = ['/e/data', '/e/data/overlay2/a\\040b', '/e2/data', '/e'].map(
      (at) => `1 2 3:4 / ${at} rw - ext4 x rw`,
    );
    expect(mountsUnder('/e', info.join('\n'))).toEqual(['/e/data/overlay2/a b', '/e/data', '/e']);
  });

  it('puts the frames of a stream together, a broken last one too', () => {
    const frame = (text: string) => Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)]);
    expect(demultiplex(Buffer.concat([frame('one '), frame('two')]))).toBe('one two');
    expect(demultiplex(frame('three').subarray(0, 10))).toBe('th');
  });
});

describe('the bus', () => {
  it('listens on this machine only and knows every service by its own password', () => {
    const passwords = Object.fromEntries(natsUsers.map((user) => [user, `pw-${user}`])) as Record<NatsUser, string>;
    const text = natsConfiguration(locateHome('/h "q'), { client: 1, monitor: 2 }, passwords);
    expect(text).toContain('listen: "127.0.0.1:1"');
    expect(text).toContain('http: "127.0.0.1:2"');
    expect(text).toContain('store_dir: "/h \\"q/nats"');
    for (const user of natsUsers) expect(text).toMatch(new RegExp(`"user": "${user}",\\s+"password": "pw-${user}"`));
  });
});

describe('the machine', () => {
  it('reads os-release with and without quotes', () => {
    expect(parseOsRelease('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12"\nVERSION_CODENAME=bookworm\n')).toEqual({
      ID: 'debian',
      PRETTY_NAME: 'Debian GNU/Linux 12',
      VERSION_CODENAME: 'bookworm',
    });
  });

  it('takes as many trials at once as cores and memory bear, and never none', () => {
    const gigabyte = 1024 ** 3;
    expect(capacityOf(2, 24 * gigabyte)).toBe(8);
    expect(capacityOf(64, 8 * gigabyte)).toBe(8);
    expect(capacityOf(1, gigabyte / 2)).toBe(2);
  });

  it('names an address that a client can use', () => {
    expect(['127.0.0.1', '0.0.0.0', '::', '::1', '10.0.0.2'].map(reachableHost)).toEqual([
      '127.0.0.1',
      '127.0.0.1',
      '[::1]',
      '[::1]',
      '10.0.0.2',
    ]);
  });
});
