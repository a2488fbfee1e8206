import { existsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { imageListSchema } from '@crucible/api';
import { OWN_IMAGE } from '@crucible/domain';
import { imageNameSchema } from '@crucible/events';
import type { Command } from 'commander';
import { currentClient } from '../client/access.ts';
import { table } from '../client/table.ts';
import { safe } from '../client/text.ts';
import { pc } from '../colours.ts';
import { readSettings } from '../config.ts';
import { UsageFailure } from '../exit.ts';
import { listImages, removeImage } from '../images/engine-images.ts';
import type { AddedImage, ImageEngine } from '../images/engine-images.ts';
import { addImage } from '../images/make.ts';
import { askEngine, engineInfo, isGvisor } from '../platform/engine-api.ts';
import { PlatformFailure } from '../platform/failure.ts';
import { createHome, locateHome } from '../platform/home.ts';
import { withLock } from '../platform/lock.ts';
import { currentPlatform } from '../platform/platform.ts';
import { printJson, tableColumns } from '../terminal.ts';

interface Options {
  readonly engine?: string;
  readonly json?: true;
}

const write = (lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);

/** An engine that somebody else started, by its socket: gVisor and our image are looked for in it. */
const engineAt = async (socket: string): Promise<ImageEngine> => {
  const info = existsSync(socket) ? await engineInfo(socket) : undefined;
  if (info === undefined)
    throw new PlatformFailure(`no engine answers at ${socket}`, 'name the socket of a Docker Engine');
  // One that reports to an executor starts nothing while that executor does not listen.
  const runtime = Object.entries(info.Runtimes).find(
    ([name, found]) =>
      isGvisor(name, found) && !(found.runtimeArgs ?? []).some((argument) => argument.startsWith('--pod-init-config')),
  )?.[0];
  if (runtime === undefined)
    throw new PlatformFailure(
      'that engine has no runtime of gVisor’s without a report to an executor',
      'see docs/operations.md, "Compose and Kubernetes"',
    );
  const images = await askEngine<{ RepoTags?: readonly string[] | null }[]>(socket, { path: '/images/json' });
  const own = images.flatMap(({ RepoTags }) => RepoTags ?? []).find((tag) => tag.startsWith(`crucible/${OWN_IMAGE}:`));
  if (own === undefined)
    throw new PlatformFailure(
      `that engine lacks the platform's own image crucible/${OWN_IMAGE}`,
      'make it first: see services/sandbox-executor/image/README.md',
    );
  return { socket, runtime, own };
};

/** @throws PlatformFailure when the platform is not up, or runs nothing */
const engineOf = async ({ engine }: Options): Promise<ImageEngine> => {
  if (engine !== undefined) return engineAt(resolve(engine));
  const settings = readSettings();
  const platform = currentPlatform(settings);
  if (platform === undefined) throw new PlatformFailure('the platform is not up', './crucible up');
  const own = platform.images[OWN_IMAGE];
  if (platform.engineKind === 'none' || own === undefined)
    throw new PlatformFailure('this is an archive, which runs nothing', 'add images where evaluations are run');
  const labels = { 'crucible.home': locateHome(settings.home).hash };
  return { socket: platform.dockerSocket, runtime: platform.unwatchedRuntime, own, labels };
};

/** One change of images at a time: what is looked at must not be another's by the time it is named. */
const alone = <T>({ engine }: Options, work: (scratch: string) => Promise<T>): Promise<T> => {
  if (engine !== undefined) return work(tmpdir());
  const home = createHome(readSettings().home);
  return withLock(home, () => work(home.cache));
};

const parseName = (name: string): string => {
  const read = imageNameSchema.safeParse(name);
  if (!read.success)
    throw new UsageFailure(
      `${JSON.stringify(safe(name, 60))} is no name of an image: it ${read.error.issues[0]?.message ?? ''}`,
    );
  if (name === OWN_IMAGE) throw new UsageFailure(`"${OWN_IMAGE}" is the platform's own image: choose another name`);
  return name;
};

const short = (digest: string): string => digest.slice(0, 19);
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
const commandText = (agent: AddedImage['agent']): string =>
  agent === null || agent.command.length === 0
    ? ''
    : safe(agent.command.map((word) => JSON.stringify(word)).join(' '), 200);

const TOLD_MS_MAX = 20_000;
const LOOK_EVERY_MS = 500;

/** Whether an executor has told of it by now: only then can a suite be submitted that names it. */
const isTold = async (name: string, digest: string): Promise<boolean> => {
  const client = await currentClient();
  const deadlineMs = Date.now() + TOLD_MS_MAX;
  for (;;) {
    const { items } = await client.get('/api/v1/images', imageListSchema).catch(() => ({ items: [] }));
    const found = items.filter((image) => image.name === name);
    if (found.length > 0 && found.every((image) => image.digest === digest)) return true;
    if (Date.now() > deadlineMs) return false;
    await pause(LOOK_EVERY_MS);
  }
};

const add = async (given: string, path: string, options: Options): Promise<void> => {
  const name = parseName(given);
  const file = resolve(path);
  if (!existsSync(file) || !statSync(file).isFile())
    throw new UsageFailure(`there is no file ${safe(path, 200)}\n       give what docker save or docker export wrote`);
  const engine = await engineOf(options);
  const { digest, replaced, agent } = await alone(options, (scratch) => addImage(engine, name, file, scratch));
  const told = options.engine === undefined && (await isTold(name, digest));
  if (options.json) return printJson({ name, digest, replaced, command: agent.command, folder: agent.folder, told });
  const runs =
    agent.command.length === 0 ? 'has no command of its own: suites say what to run' : `runs ${commandText(agent)}`;
  write([
    `${pc.green('✓')} ${name}  ${digest}`,
    `  ${runs}`,
    ...(replaced === null
      ? []
      : [`  in place of ${replaced}: evaluations of that one that have not run yet are refused`]),
    pc.dim(`  suites name it as sandbox.image: ${name}${told ? '' : '; no executor has told of it yet'}`),
  ]);
};

const list = async (options: Options): Promise<void> => {
  const { socket, own } = await engineOf(options);
  const images = await listImages(socket);
  const told = images.map(({ name, digest, sizeBytes, agent }) => ({
    name,
    digest,
    sizeBytes,
    command: agent?.command ?? [],
    folder: agent?.folder ?? null,
  }));
  if (options.json) return printJson({ own, images: told });
  write([
    ...table(
      images,
      [
        { title: 'image', text: ({ name }) => name },
        { title: 'digest', text: ({ digest }) => (process.stdout.isTTY ? short(digest) : digest) },
        { title: 'size', text: ({ sizeBytes }) => megabytes(sizeBytes), align: 'right', dropOrder: 2 },
        { title: 'command', text: ({ agent }) => commandText(agent), dropOrder: 1, shrinks: true },
      ],
      tableColumns(),
    ),
    '',
    pc.dim(`the platform's own: ${OWN_IMAGE}, ${safe(own, 100)}`),
  ]);
};

const remove = async (given: string, options: Options): Promise<void> => {
  const name = parseName(given);
  const { socket } = await engineOf(options);
  await alone(options, async () => {
    const images = await listImages(socket);
    const found = images.find((image) => image.name === name);
    if (found === undefined) {
      const names = images.map((image) => image.name).join(', ') || 'none';
      throw new UsageFailure(`there is no image ${name}\n       those that were added: ${names}`);
    }
    await removeImage(socket, name);
    if (options.json) printJson({ name, digest: found.digest });
    else write([`${pc.green('✓')} ${name} removed; what runs from it goes on`]);
  });
};

export const register = (program: Command): void => {
  const images = program
    .command('images')
    .description('container images that hold agents, or what a suite’s programs need');
  const engine = ['--engine <socket>', 'another engine than that of the platform here, by its Unix socket'] as const;
  images
    .command('add <name> <file>')
    .description('put an image under a name that suites can use; a name that is there already gets the new one')
    .option(...engine)
    .option('--json', 'as one JSON object')
    .addHelpText(
      'after',
      `
FILE is what docker save or docker export wrote, or an OCI layout as a tar archive, packed by gzip or not. Nothing in it is
run but one program of ours, in a sandbox, to see that sandboxes can be made from it.

Examples:
  $ docker save my-agent:1 > my-agent.tar && ./crucible images add my-agent my-agent.tar
  $ ./crucible images add my-agent my-agent.tar --json`,
    )
    .action(add);
  images
    .command('list')
    .description('the images that were added, with their digests and commands')
    .option(...engine)
    .option('--json', 'as one JSON object')
    .action(list);
  images
    .command('remove <name>')
    .description('take a name away, and the image when nothing runs it')
    .option(...engine)
    .option('--json', 'as one JSON object')
    .action(remove);
};
