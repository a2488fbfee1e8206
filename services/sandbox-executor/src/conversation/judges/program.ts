import { OWN_IMAGE } from '@crucible/domain';
import type { SandboxProfile } from '@crucible/domain';
import { limitsOf, msOf } from '@crucible/suite';
import type { SuiteScorer } from '@crucible/suite';
import { unjudged } from '@crucible/suite/score';
import type { Judgement } from '@crucible/suite/score';
import type { Images } from '../../images/image.ts';
import type { SandboxPool } from '../../pool/index.ts';
import type { OutputChunk, Refused, SandboxEngine, SandboxFile } from '../../sandbox/port.ts';
import type { Judged } from '../course.ts';
import { conversationFile } from './conversation-file.ts';
import { leftOutFile, leftOutWords } from './left-out.ts';
import { verdictIn } from './verdict.ts';

type ProgramScorer = Extract<SuiteScorer, { kind: 'program' }>;

export interface ScoringPorts {
  readonly pool: Pick<SandboxPool, 'take'>;
  readonly engine: Pick<SandboxEngine, 'run'>;
  readonly images: Pick<Images, 'find'>;
  readonly profiles: ReadonlyMap<string, SandboxProfile>;
}

const OUTPUT_BYTES_MAX = 1024 * 1024;
const BLOCK_BYTES = 4_096;
/** Where the trial's final files are, so that none of them takes the place of what is ours. */
const FILES_FOLDER = 'files';
const ARGV = {
  python: { file: 'score.py', argv: ['/usr/bin/python3', '-I', 'score.py'] },
  shell: { file: 'score.sh', argv: ['/bin/sh', 'score.sh'] },
} as const;

/** What files take of a disk that is given out by blocks, each in a folder of its own at most. */
const diskBytesOf = (files: readonly SandboxFile[]): number =>
  files.reduce((sum, { content }) => sum + (Math.ceil(content.byteLength / BLOCK_BYTES) + 1) * BLOCK_BYTES, 0);

interface Given {
  readonly files: readonly SandboxFile[];
  /** The disk they are given on: the suite's, or as much more as leaves half of it free. */
  readonly diskBytesMax: number;
}

/** A subject that filled its disk must not keep what judges it from having room for the files and for its own work. */
const givenTo = (scorer: ProgramScorer, { answer, messages, files: taken }: Judged, diskBytes: number): Given => {
  const end = taken?.kind === 'taken' ? taken : { files: [], leftOut: [], complete: true };
  const others: SandboxFile[] = [
    { path: ARGV[scorer.language].file, content: Buffer.from(scorer.source, 'utf8') },
    { path: 'answer.txt', content: Buffer.from(answer ?? '', 'utf8') },
    { path: 'left-out.json', content: leftOutFile(end) },
    ...end.files.map(({ path, content }) => ({ path: `${FILES_FOLDER}/${path}`, content })),
  ];
  const held = diskBytesOf(others);
  let diskBytesMax = diskBytes;
  // By doubling: what waits in the pool is kept by its limits.
  while (diskBytesMax < 2 * held) diskBytesMax *= 2;
  // Half of what is left, so that it is never what does not fit.
  const conversation = conversationFile(messages, (diskBytesMax - held) / 2);
  return { files: [...others, { path: 'conversation.json', content: conversation }], diskBytesMax };
};

const whyNotTaken = (refused: Refused): string => (refused.kind === 'refused' ? refused.why : 'the sandbox is gone');

const lastLineOf = (stdout: string): string => stdout.trimEnd().split('\n').at(-1) ?? '';

/**
 * Has trusted code of the suite judge, in a sandbox of its own that the trial never was in. It sees the answer, the
 * conversation and the final files, which are hostile; of what it prints the last line counts.
 */
export const scoreByProgram = async (
  ports: ScoringPorts,
  scorer: ProgramScorer,
  judged: Judged,
): Promise<Judgement> => {
  const { suite, place } = judged.held;
  if (judged.files !== null && judged.files.kind !== 'taken')
    return unjudged(`the final files could not be read: ${whyNotTaken(judged.files)}`);
  // Also of a suite on another image: what judges must not run by what is judged.
  const image = ports.images.find(OWN_IMAGE)?.reference;
  const profile = ports.profiles.get(suite.sandbox.profile);
  if (image === undefined || profile === undefined) throw new Error('there is no sandbox for it here');
  const own = limitsOf(suite.sandbox);
  const { files, diskBytesMax } = givenTo(scorer, judged, own.diskBytesMax);
  const limits = {
    ...own,
    diskBytesMax,
    wallTimeMsMax: Math.min(profile.max.wallTimeMsMax, msOf(scorer.timeout)),
    outputBytesMax: Math.min(profile.max.outputBytesMax, OUTPUT_BYTES_MAX),
  };
  const taken = await ports.pool.take({ image, profile, limits });
  try {
    const stdout: Uint8Array[] = [];
    const { argv } = ARGV[scorer.language];
    const spec = { ...place, trialId: `${place.trialId}-score`, image, argv, stdin: null, files, env: {}, limits };
    const onOutput = ({ stream, bytes }: OutputChunk): void => {
      if (stream === 'stdout') stdout.push(Buffer.from(bytes));
    };
    const sandbox = ports.engine.run(taken.prepared, spec, { onOutput });
    judged.signal.addEventListener('abort', () => sandbox.kill('stopped'), { once: true });
    const { reason, exitCode, error } = await sandbox.ended;
    if (reason === 'engine-failure') return unjudged(error ?? 'the engine failed');
    if (reason !== 'exit' || exitCode !== 0)
      return {
        right: false,
        why: `the scoring program ended by ${reason}, code ${exitCode ?? 'none'}${error ? `: ${error}` : ''}`,
      };
    const verdict = verdictIn(lastLineOf(Buffer.concat(stdout).toString('utf8')));
    if (verdict === null)
      return { right: false, why: 'the last line of the scoring program is not {"value": …, "explanation": …}' };
    const unseen = leftOutWords(judged.files);
    return unseen === null ? verdict : { ...verdict, why: `${verdict.why} (${unseen})` };
  } finally {
    void taken.prepared.discard();
    taken.release();
  }
};
