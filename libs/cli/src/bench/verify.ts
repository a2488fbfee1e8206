import { createHash, generateKeyPairSync, hash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyExport } from '@crucible/transparency';
import type { VerifyOptions, VerifyResult } from '@crucible/transparency';
import { verifierOf, verifyExportInThreads } from '@crucible/transparency/node';
import { exampleExport } from './example-export.ts';
import { median } from './report.ts';
import type { BenchReport } from './report.ts';

/** As the CLI reads a file. */
const READ_BYTES = 1_048_576;
const CHECKPOINT_EVERY = 1_000;

/** Bodies end to end in one piece of memory: as many objects would burden the collector while others are measured. */
class Bodies {
  #bytes = new Uint8Array(2 ** 20);
  readonly #ends: number[] = [];

  get count(): number {
    return this.#ends.length;
  }

  get byteLength(): number {
    return this.#ends.at(-1) ?? 0;
  }

  add(body: Uint8Array): void {
    const begin = this.byteLength;
    if (begin + body.length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(begin + body.length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(body, begin);
    this.#ends.push(begin + body.length);
  }

  each(visit: (body: Uint8Array) => void): void {
    let begin = 0;
    for (const end of this.#ends) {
      visit(this.#bytes.subarray(begin, end));
      begin = end;
    }
  }
}

interface Sample {
  readonly path: string;
  readonly fileBytes: number;
  readonly bodies: Bodies;
  readonly options: VerifyOptions;
}

const read = (path: string): AsyncIterable<Uint8Array> => createReadStream(path, { highWaterMark: READ_BYTES });

/** Writes an export of so many events and keeps their bodies for the floor. */
const makeSample = async (directory: string, events: number): Promise<Sample> => {
  const signer = { name: 'crucible/log/bench', privateKey: generateKeyPairSync('ed25519').privateKey };
  const path = join(directory, 'export.ndjson');
  const file = createWriteStream(path, { highWaterMark: READ_BYTES });
  const bodies = new Bodies();
  for (const line of exampleExport(events, CHECKPOINT_EVERY, signer, (body) => bodies.add(body)))
    if (!file.write(line)) await once(file, 'drain');
  file.end();
  await once(file, 'finish');
  return { path, fileBytes: (await stat(path)).size, bodies, options: { verifier: verifierOf(signer) } };
};

/** How long something took by the clock, and how much time of processors it took, whatever else they do. */
interface Cost {
  readonly ms: number;
  readonly cpuMs: number;
}

const costOf = async (work: () => Promise<unknown> | unknown): Promise<Cost> => {
  const [begin, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { ms: performance.now() - begin, cpuMs: (user + system) / 1_000 };
};

const insist = (result: VerifyResult, events: number): void => {
  if (!result.ok || result.events !== events) throw new Error(`the sample does not verify: ${result.reason}`);
};

/** What is measured, by name; each takes all of the sample once. */
const ways = ({ path, bodies, options }: Sample): readonly (readonly [string, () => Promise<void> | void])[] => {
  const verify = async (threads: number): Promise<void> =>
    insist(await verifyExportInThreads(read(path), options, undefined, threads), bodies.count);
  return [
    ['SHA-256 of the bodies, one call each', () => bodies.each((body) => hash('sha256', body, 'buffer'))],
    [
      'SHA-256 of the file as it is read',
      async () => {
        const whole = createHash('sha256');
        for await (const bytes of read(path)) whole.update(bytes);
        whole.digest();
      },
    ],
    ['verify in one thread', async () => insist(await verifyExport(read(path), options), bodies.count)],
    [`verify as the CLI does, ${availableParallelism()} threads`, () => verify(availableParallelism())],
  ];
};

const report = (events: number, bodyBytes: number, costs: ReadonlyMap<string, readonly Cost[]>): BenchReport => {
  const ms = (name: string): number => median((costs.get(name) ?? []).map((cost) => cost.ms));
  const cpuMs = (name: string): number => median((costs.get(name) ?? []).map((cost) => cost.cpuMs));
  const [floor = ''] = costs.keys();
  return {
    bench: 'verify',
    about: `Offline verification of ${events} events of ${Math.round(bodyBytes / events)} bytes: hash, subject, id, signatures, roots.`,
    rows: [...costs].map(([what, { length: rounds }]) => ({
      what,
      rounds,
      ms: ms(what),
      eventsPerSecond: Math.round((events / ms(what)) * 1_000),
      mbPerSecond: bodyBytes / 1e3 / ms(what),
      shareOfFloor: ms(floor) / ms(what),
      cpuMicrosPerEvent: (cpuMs(what) / events) * 1_000,
    })),
  };
};

/** An export of real events, verified offline, against nothing but hashing the same bytes. */
export const benchVerify = async (
  { events, rounds }: { readonly events: number; readonly rounds: number },
  note: (line: string) => void,
): Promise<BenchReport> => {
  const directory = await mkdtemp(join(tmpdir(), 'crucible-bench-verify-'));
  try {
    const sample = await makeSample(directory, events);
    const { fileBytes, bodies } = sample;
    const bodyBytes = bodies.byteLength;
    note(`${events} events of ${Math.round(bodyBytes / events)} bytes, a file of ${Math.round(fileBytes / 1e6)} MB`);
    const costs = new Map<string, Cost[]>();
    // Round by round, so that what else the machine does falls on all alike; the first warms up.
    for (let round = 0; round <= rounds; round += 1) {
      for (const [name, work] of ways(sample)) {
        const cost = await costOf(work);
        if (round > 0) costs.set(name, [...(costs.get(name) ?? []), cost]);
        note(`round ${round}: ${name}: ${Math.round(cost.ms)} ms`);
      }
    }
    return report(events, bodyBytes, costs);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};
