import { checkAgentFiles, checkFiles } from './cross-checks-files.ts';
import { checkModelSample, checkModelSuite } from './cross-checks-model.ts';
import type { FieldProblem } from './explain.ts';
import { platformMaxima } from './format.ts';
import { compilePattern } from './pattern.ts';
import { bytesOf, durationText, msOf, sizeText } from './quantities.ts';

type Loose = Readonly<Record<string, unknown>>;
const isMap = (value: unknown): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

interface Rules {
  readonly scorers: readonly Loose[];
  readonly needsTarget: boolean;
  readonly targetIsPattern: boolean;
}

/** Scorers that compare an answer with the sample's target. */
const comparing: ReadonlySet<string> = new Set(['includes', 'exact', 'choice', 'numeric']);

const rulesOf = (scorers: readonly Loose[]): Rules => {
  const targetIsPattern = scorers.some((scorer) => scorer['kind'] === 'regex' && scorer['pattern'] === undefined);
  return {
    scorers,
    targetIsPattern,
    needsTarget:
      targetIsPattern ||
      scorers.some(({ kind, matchTarget }) => comparing.has(String(kind)) || (kind === 'json' && matchTarget === true)),
  };
};

const checkAlerts = (sample: Loose, path: readonly (string | number)[]): FieldProblem[] => {
  const expectation = isMap(sample['expectation']) ? sample['expectation'] : {};
  const ids = listOf(expectation['alerts']);
  return ids.flatMap((id, index) =>
    ids.indexOf(id) < index
      ? [{ path: [...path, 'expectation', 'alerts', index], message: 'is listed already: an alert counts once' }]
      : [],
  );
};

const checkScored = (sample: Loose, rules: Rules, path: readonly (string | number)[]): FieldProblem[] => {
  const problems: FieldProblem[] = [];
  const expectation = isMap(sample['expectation']) ? sample['expectation'] : {};
  const endIsStated = expectation['reason'] !== undefined || expectation['exitCode'] !== undefined;
  // Containment and alerts alone are no score: an engine that cannot observe the kernel would judge nothing.
  const judged =
    endIsStated ||
    expectation['includes'] !== undefined ||
    rules.scorers.some((scorer) => scorer['kind'] !== 'exit-code' || !endIsStated);
  if (!judged) {
    const message =
      'nothing would score this sample: give the suite a scorer, or the sample an expectation of a reason, an exitCode or a text it includes';
    problems.push({ path, message });
  }
  if (rules.needsTarget && sample['target'] === undefined) {
    problems.push({ path: [...path, 'target'], message: 'is missing, and a scorer of this suite compares with it' });
  }
  if (rules.targetIsPattern) {
    const targets = Array.isArray(sample['target']) ? (sample['target'] as unknown[]) : [sample['target']];
    targets.forEach((target) => {
      const compiled = typeof target === 'string' ? compilePattern(target) : undefined;
      if (compiled?.ok === false) problems.push({ path: [...path, 'target'], message: compiled.problem });
    });
  }
  return problems;
};

/** How large each field of a sandbox may be under `strict`: its value as a number, the most, and the most in words. */
const strictBounds: Readonly<Record<string, readonly [of: (value: unknown) => number, most: number, text: string]>> = {
  cpu: [Number, platformMaxima.cpuCores, String(platformMaxima.cpuCores)],
  memory: [(value) => bytesOf(String(value)), platformMaxima.memoryBytes, sizeText(platformMaxima.memoryBytes)],
  pids: [Number, platformMaxima.pids, String(platformMaxima.pids)],
  disk: [(value) => bytesOf(String(value)), platformMaxima.diskBytes, sizeText(platformMaxima.diskBytes)],
  tmp: [(value) => bytesOf(String(value)), platformMaxima.tmpBytes, sizeText(platformMaxima.tmpBytes)],
  openFiles: [Number, platformMaxima.filesOpen, String(platformMaxima.filesOpen)],
  fileSize: [(value) => bytesOf(String(value)), platformMaxima.diskBytes, sizeText(platformMaxima.diskBytes)],
  wallTime: [(value) => msOf(String(value)), platformMaxima.wallTimeMs, durationText(platformMaxima.wallTimeMs)],
  output: [(value) => bytesOf(String(value)), platformMaxima.outputBytes, sizeText(platformMaxima.outputBytes)],
};

const checkStrict = (sandbox: unknown): FieldProblem[] => {
  if (!isMap(sandbox) || (sandbox['profile'] ?? 'strict') !== 'strict') return [];
  return Object.entries(strictBounds).flatMap(([field, [valueOf, most, text]]) =>
    valueOf(sandbox[field]) > most
      ? [{ path: ['sandbox', field], message: `is more than the profile strict allows: at most ${text}` }]
      : [],
  );
};

/**
 * What only the whole suite can tell: limits beyond the profile, ids that repeat, samples that nothing would score, patterns that cannot be used.
 * Reads anything, also what does not fit the format, so that an author hears of every mistake at once.
 */
export const crossChecks = (draft: unknown): FieldProblem[] => {
  if (!isMap(draft)) return [];
  const scorers = listOf(draft['scorers']);
  const rules = rulesOf(scorers.filter(isMap));
  const samples = isMap(draft['dataset']) ? listOf(draft['dataset']['samples']) : [];
  const solver = isMap(draft['solver']) ? String(draft['solver']['kind'] ?? 'program') : 'program';
  const problems: FieldProblem[] = [
    ...checkStrict(draft['sandbox']),
    ...checkModelSuite(draft, solver),
    ...checkAgentFiles(draft['solver']),
  ];
  const seen = new Map<string, number>();
  samples.forEach((sample, index) => {
    if (!isMap(sample)) return;
    const path = ['dataset', 'samples', index];
    const id = sample['id'];
    if (typeof id === 'string') {
      const earlier = seen.get(id);
      if (earlier === undefined) seen.set(id, index);
      else
        problems.push({
          path: [...path, 'id'],
          message: `"${id.slice(0, 100)}" is already the id of samples[${earlier}]: ids must be unique`,
        });
    }
    problems.push(...checkScored(sample, rules, path), ...checkAlerts(sample, path));
    problems.push(...checkFiles(sample, draft['solver'], path));
    problems.push(...checkModelSample(sample, solver, rules.scorers, path));
  });
  scorers.forEach((scorer, index) => {
    if (!isMap(scorer) || scorer['kind'] !== 'regex' || typeof scorer['pattern'] !== 'string') return;
    const compiled = compilePattern(scorer['pattern']);
    if (!compiled.ok) problems.push({ path: ['scorers', index, 'pattern'], message: compiled.problem });
  });
  return problems;
};
