import { AGENT_LABEL, imageNameOf, readAgentLabel } from '@crucible/domain';
import { imageDigestSchema } from '@crucible/events';
import type { Logger } from '@crucible/service-kit';
import type Docker from 'dockerode';
import { engineClient } from '../sandbox/engine-client.ts';
import { EngineError, engineErrorText } from '../sandbox/engine-error.ts';
import type { Images, SandboxImage } from './image.ts';

const CALL_MS_MAX = 10_000;
const LOOK_EVERY_MS = 3_000;

/** What an engine says of its images. Every call throws `EngineError` when it cannot be asked. */
export interface ImageSource {
  /** Those that carry our label, each once for each of its names. */
  added(): Promise<SandboxImage[]>;
  /** Undefined when there is no such image. */
  digestOf(reference: string): Promise<string | undefined>;
}

export class DockerImages implements ImageSource {
  readonly #docker: Docker;

  constructor(socketPath: string) {
    this.#docker = engineClient(socketPath);
  }

  async added(): Promise<SandboxImage[]> {
    const filters = JSON.stringify({ label: [AGENT_LABEL] });
    const listed = await asked(this.#docker.listImages({ filters, ...deadline() }));
    return listed.flatMap(({ Id, RepoTags, Labels }) => {
      const agent = readAgentLabel((Labels as Record<string, string> | null)?.[AGENT_LABEL]);
      if (agent === null || !imageDigestSchema.safeParse(Id).success) return [];
      const names = ((RepoTags as string[] | null) ?? []).map(imageNameOf).filter((name) => name !== null);
      return names.map((name) => ({ name, reference: Id, digest: Id, agent }));
    });
  }

  async digestOf(reference: string): Promise<string | undefined> {
    const image = this.#docker.getImage(reference);
    // The published types leave out the options that the call takes.
    const inspect = image.inspect.bind(image) as unknown as (options: object) => Promise<{ Id: string }>;
    try {
      return (await inspect(deadline())).Id;
    } catch (error) {
      if ((error as { statusCode?: unknown }).statusCode === 404) return undefined;
      throw new EngineError(engineErrorText(error));
    }
  }
}

const deadline = (): { abortSignal: AbortSignal } => ({ abortSignal: AbortSignal.timeout(CALL_MS_MAX) });
const asked = <T>(call: Promise<T>): Promise<T> =>
  call.catch((error: unknown) => Promise.reject(new EngineError(engineErrorText(error))));

export interface EngineImagesPorts {
  readonly source: ImageSource;
  /** The platform's own, by the names that suites have for them. */
  readonly own: Readonly<Record<string, string>>;
  /** Says what there is from now on. May fail: it is told again when the engine is next looked at. */
  readonly tell: (images: readonly SandboxImage[]) => Promise<void>;
  readonly logger: Logger;
}

/**
 * The images of one engine, as they were when it was last looked at: an operator adds and removes them while executors run.
 * An engine that does not answer changes nothing; that is for its health to say.
 */
export class EngineImages implements Images {
  readonly #ports: EngineImagesPorts;
  #known: ReadonlyMap<string, SandboxImage> = new Map();
  #told = '';
  #looker: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(ports: EngineImagesPorts) {
    this.#ports = ports;
  }

  find(name: string): SandboxImage | undefined {
    return this.#known.get(name);
  }

  async reload(): Promise<void> {
    const { source, own } = this.#ports;
    const found = new Map((await source.added()).map((image) => [image.name, image]));
    for (const [name, reference] of Object.entries(own)) {
      const digest = await source.digestOf(reference);
      // What carries the platform's own name is the platform's own, or nothing.
      if (digest === undefined) found.delete(name);
      else found.set(name, { name, reference, digest, agent: null });
    }
    this.#known = new Map([...found].toSorted(([one], [other]) => (one < other ? -1 : 1)));
  }

  /** Looks, and says what there is. @throws EngineError, or what `tell` throws */
  async begin(): Promise<void> {
    await this.reload();
    await this.#tellChange();
    this.#looker = setInterval(() => void this.#look(), LOOK_EVERY_MS);
    this.#looker.unref();
  }

  /** Looks again, and says what there is where that has changed. Never throws. */
  async look(): Promise<void> {
    try {
      await this.reload();
      await this.#tellChange();
    } catch (error) {
      this.#ports.logger.debug({ err: error }, 'the engine’s images could not be looked at or told');
    }
  }

  close(): void {
    clearInterval(this.#looker);
  }

  /** One look at a time: an engine that is slow is not asked more often for it. */
  #look(): Promise<void> {
    this.#looking ??= this.look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async #tellChange(): Promise<void> {
    const images = [...this.#known.values()];
    const now = JSON.stringify(images);
    if (now === this.#told) return;
    await this.#ports.tell(images);
    this.#told = now;
  }
}
