import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ensureStreams, JetStreamRestore, openBus } from '@crucible/event-log';
import type { Bus } from '@crucible/event-log';
import { channelSchema, displayableLine, evaluationIdSchema, trialIdSchema } from '@crucible/events';
import { openCheckpoint, readExport, toHex, utf8, verifierKey } from '@crucible/transparency';
import type { EvidenceLine, NoteVerifier, VerifyResult } from '@crucible/transparency';
import { ApiClient } from '../client/api-client.ts';
import { failed, misuse } from '../client/failure.ts';
import type { Settings } from '../config.ts';
import { takeDown } from '../platform/down.ts';
import { createHome, isHome, locateHome, updateState, writeAtomically } from '../platform/home.ts';
import type { Archive, Home } from '../platform/home.ts';
import { withLock } from '../platform/lock.ts';
import type { NatsAccess } from '../platform/nats.ts';
import { bringNats, installMissing } from '../platform/parts.ts';
import { ensurePlatform } from '../platform/platform.ts';
import type { PlatformInfo } from '../platform/platform.ts';
import { currentSettings, rememberSettings } from '../platform/settings.ts';
import type { Steps } from '../platform/steps.ts';
import { ownPublicKey } from './public-key.ts';
import { openExport, verifyFile } from './verify.ts';

export interface Imported {
  readonly info: PlatformInfo;
  readonly archive: Archive;
}

/** @throws UsageFailure when the home holds a platform already, or anything else */
const requireEmpty = (home: Home): void => {
  if (!existsSync(home.root) || readdirSync(home.root).length === 0) return;
  const used = ['platform.json', 'nats/jetstream', 'audit'].some((name) => existsSync(join(home.root, name)));
  if (isHome(home) && !used) return;
  throw misuse(
    `${displayableLine(home.root, 300)} is not empty: a log can only be imported into a home of its own`,
    'choose another: CRUCIBLE_HOME=/path/to/a/new/folder ./crucible audit import …',
  );
};

const placeOf = ({ evaluationId, trialId, channel }: EvidenceLine): Parameters<JetStreamRestore['evidence']>[0] => ({
  evaluationId: evaluationIdSchema.parse(evaluationId),
  trialId: trialIdSchema.parse(trialId),
  channel: channelSchema.parse(channel),
});

/** Writes every message of a file that was verified. @returns the number of events */
const restore = async (bus: Bus, file: string, note: (text: string) => void): Promise<number> => {
  await ensureStreams(bus);
  const into = await JetStreamRestore.begin(bus);
  let events = 0;
  for await (const line of readExport((await openExport(file)).bytes)) {
    switch (line.kind) {
      case 'malformed':
        throw failed(`the file was changed after it was verified: ${line.reason}`);
      case 'event':
        await into.event({ ...line, body: typeof line.body === 'string' ? utf8(line.body) : line.body });
        events += 1;
        if (events % 1_000 === 0) note(`${events} events`);
        break;
      case 'content':
        await into.content(line.digest, line.body);
        break;
      case 'evidence':
        await into.evidence(placeOf(line), line);
        break;
      default:
    }
  }
  await into.end();
  note(`${events} events`);
  return events;
};

const busOf = ({ url, credentials }: NatsAccess): Promise<Bus> =>
  openBus({ url, name: 'import', user: credentials.operator?.user, password: credentials.operator?.password });

const fill = async (settings: Settings, home: Home, file: string, steps: Steps): Promise<void> => {
  const remembered = currentSettings(home, settings.given);
  const site = { settings, home, steps, remembered, path: settings.inherited['PATH'] ?? '' };
  await installMissing(site, false);
  const bus = await busOf(await bringNats(site));
  try {
    await steps.step('log', (note) => restore(bus, file, note));
  } finally {
    await bus.nc.close();
  }
  rememberSettings(home, remembered);
};

/** The archive's audit has read the log by itself: what it signs must be what was verified. */
const requireSameRoot = async (info: PlatformInfo, { size, root }: Archive): Promise<void> => {
  const key = ownPublicKey(info.home);
  const note = await new ApiClient(info).text('/audit/checkpoint');
  const opened = key === undefined ? undefined : openCheckpoint(note, key);
  if (!opened?.ok) throw failed(`the archive’s checkpoint cannot be trusted: ${opened?.reason ?? 'it has no key'}`);
  const { checkpoint } = opened;
  if (checkpoint.size !== size || toHex(checkpoint.root) !== root)
    throw failed(`the archive has the root ${toHex(checkpoint.root)} at ${checkpoint.size}, not ${root} at ${size}`);
};

const keepOriginal = (home: Home, verifier: NoteVerifier, note: string): void => {
  const folder = join(home.root, 'audit');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeAtomically(join(folder, 'original-checkpoint'), note);
  writeAtomically(join(folder, 'original-verifier-key'), `${verifierKey(verifier)}\n`);
};

/**
 * Verifies an export and makes an archive of it in an empty home: the same events at the same positions, and so the same
 * root and the same read model. Nothing is left behind when it fails.
 * @returns what is wrong with the file, or the archive, which is up
 * @throws UsageFailure when the home is not empty or the file is a part of a log; PlatformFailure when it cannot be started
 */
export const importLog = async (
  settings: Settings,
  file: string,
  verifier: NoteVerifier,
  steps: Steps,
): Promise<{ readonly verified: VerifyResult; readonly imported?: Imported }> => {
  const home = locateHome(settings.home);
  requireEmpty(home);
  // It is read twice, to verify it and to take it in: a pipe gives nothing the second time, or something else.
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw misuse(`${displayableLine(file, 200)} is no file`, 'a log is imported from a file on disk');
  const { result: verified, note } = await steps.step('verify', () => verifyFile(file, { verifier }));
  if (!verified.ok || verified.root === null) return { verified };
  if (verified.evaluationId !== null)
    throw misuse(
      `this is an export of one evaluation, ${verified.evaluationId}: an archive needs every position of the log`,
      'export the whole log: ./crucible audit export --out FILE',
    );
  const { size, root } = verified;
  const archive: Archive = {
    status: 'importing',
    origin: verifier.name,
    size,
    root,
    importedAt: new Date().toISOString(),
  };
  createHome(settings.home);
  try {
    await withLock(home, async () => {
      updateState(home, (state) => ({ ...state, archive }));
      await fill(settings, home, file, steps);
      if (note !== undefined) keepOriginal(home, verifier, note);
      updateState(home, (state) => ({ ...state, archive: { ...archive, status: 'whole' } }));
    });
    const info = await ensurePlatform({ settings, steps });
    await requireSameRoot(info, archive);
    return { verified, imported: { info, archive: { ...archive, status: 'whole' } } };
  } catch (error) {
    await takeDown(settings.home, { purge: true, steps });
    throw error;
  }
};
