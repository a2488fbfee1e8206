import { misuse } from '../failure.ts';

/** What a suite for models that is made from a dataset says of itself. */
export interface ModelSuiteWish {
  readonly name: string;
  readonly title: string;
  /** The command that wrote it, as a comment. */
  readonly command: string;
  readonly solver: 'generate' | 'agent';
  readonly scorer: DatasetScorer;
}

export const datasetScorers = ['includes', 'exact', 'choice', 'numeric', 'regex'] as const;
export type DatasetScorer = (typeof datasetScorers)[number];

interface Shape {
  readonly choices?: readonly string[];
  readonly target?: unknown;
}

/** The scorer that was asked for, or the one that fits: `choice` where there is something to choose from, else `includes`. */
export const scorerFor = (asked: string | undefined, samples: readonly Shape[]): DatasetScorer => {
  const withChoices = samples.filter(({ choices }) => choices !== undefined).length;
  if (asked === undefined) {
    if (withChoices === samples.length) return 'choice';
    if (withChoices === 0) return 'includes';
    throw misuse(
      `${withChoices} of ${samples.length} samples have choices`,
      'one scorer cannot judge both kinds: say which with --scorer, or split the file',
    );
  }
  const known = datasetScorers.find((each) => each === asked);
  if (known === undefined) throw misuse(`--scorer: must be one of ${datasetScorers.join(', ')}`);
  return known;
};

/** A name as suites have them, from that of a file. */
export const suiteName = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 64)
    .replace(/-+$/, '') || 'dataset';

const yamlText = (text: string): string => JSON.stringify(text);

/** The suite file that goes with samples in `samples.jsonl`. */
export const modelSuiteYaml = ({
  name,
  title,
  command,
  solver,
  scorer,
}: ModelSuiteWish): string => `# Written by: ${command}

apiVersion: crucible/v1
kind: Suite

metadata:
  name: ${name}
  version: 1.0.0
  title: ${yamlText(title)}

solver:
  kind: ${solver}
  limits: { turns: ${solver === 'agent' ? 30 : 1} }

dataset:
  file: samples.jsonl

scorers:
  - kind: ${scorer}
`;
