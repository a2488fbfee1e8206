import { isProgramInput } from '@crucible/suite';
import type { ProgramInput, Suite, SuiteSample } from '@crucible/suite';
import type { SandboxImage } from '../images/image.ts';

const encoder = new TextEncoder();

/** How a language's program is put into the work folder and begun. */
const LANGUAGES: Record<ProgramInput['language'], { readonly file: string; readonly argv: readonly string[] }> = {
  python: { file: 'main.py', argv: ['/usr/bin/python3', 'main.py'] },
  shell: { file: 'main.sh', argv: ['/bin/sh', 'main.sh'] },
};

/** An image that was added may have them anywhere, and says where by its PATH. */
const NAMES: Record<ProgramInput['language'], string> = { python: 'python3', shell: 'sh' };

export interface SampleProgram {
  readonly argv: readonly string[];
  readonly stdin: Uint8Array | null;
  readonly files: readonly { readonly path: string; readonly content: Uint8Array }[];
}

const filesOf = (files: SuiteSample['files'] = {}): SampleProgram['files'] =>
  Object.entries(files).map(([path, content]) => ({
    path,
    content: typeof content === 'string' ? encoder.encode(content) : Buffer.from(content.base64, 'base64'),
  }));

/** What goes into the sandbox of a trial that asks a model: the sample's files, and those of an agent program. */
export const materialOf = (sample: SuiteSample, solver: Suite['solver']): SampleProgram => ({
  argv: [],
  stdin: null,
  files: [...filesOf(sample.files), ...(solver.kind === 'agent-program' ? filesOf(solver.files) : [])],
});

/** What of a sample goes into its sandbox: the program, its files and its input. Target and expectation stay outside. */
export const programOf = (sample: SuiteSample, image: Pick<SandboxImage, 'agent'>): SampleProgram => {
  const { input } = sample;
  if (!isProgramInput(input)) throw new TypeError(`sample ${sample.id} holds no program: it is for a model`);
  const { file, argv } = LANGUAGES[input.language];
  return {
    argv: image.agent === null ? argv : [NAMES[input.language], file],
    stdin: input.stdin === undefined ? null : encoder.encode(input.stdin),
    files: [...filesOf(sample.files), { path: file, content: encoder.encode(input.source) }],
  };
};

export const sampleAt = (suite: Suite, index: number): SuiteSample => {
  const sample = suite.dataset.samples[index];
  if (sample === undefined) throw new RangeError(`the suite has no sample ${index}`);
  return sample;
};
