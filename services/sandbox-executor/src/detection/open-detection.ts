import { readFileSync } from 'node:fs';
import { CanaryKey, rulesWith } from '@crucible/detectors';
import type { CompiledRules, RuleProblem } from '@crucible/detectors';
import type { CanaryOwner } from '@crucible/detectors';
import type { SandboxLimits } from '@crucible/events';
import { ConfigInvalid } from '@crucible/service-kit';
import { TrialDetection } from './trial-detection.ts';
import type { DetectionPorts } from './trial-detection.ts';

const PROBLEMS_TOLD_MAX = 20;

const told = ({ path, line, column, field, message }: RuleProblem): string =>
  `  ${path}${line > 0 ? `:${line}:${column}` : ''}: ${field === '' ? '' : `${field}: `}${message}`;

/** @throws ConfigInvalid naming file and line of each mistake: a rule that was meant to watch and does not would go unnoticed */
export const rulesAt = (folder: string | undefined): CompiledRules => {
  const loaded = rulesWith(folder ?? null);
  if (loaded.ok) return loaded.rules;
  const { problems } = loaded;
  const more = problems.length - PROBLEMS_TOLD_MAX;
  const lines = [...problems.slice(0, PROBLEMS_TOLD_MAX).map(told), ...(more > 0 ? [`  and ${more} more`] : [])];
  throw new ConfigInvalid(`the rules of CRUCIBLE_RULES_DIR are not usable:\n${lines.join('\n')}`);
};

/** @throws ConfigInvalid when there is no such file, or it holds too little */
export const canaryKeyAt = (path: string): CanaryKey => {
  try {
    return new CanaryKey(Buffer.from(readFileSync(path, 'utf8').trim(), 'base64url'));
  } catch (error) {
    throw new ConfigInvalid(
      `CRUCIBLE_CANARY_KEY_FILE: ${error instanceof Error ? error.message : String(error)}; it must hold 32 random bytes as base64url`,
    );
  }
};

/** What watches the trials of one executor. */
export class Detection {
  /**
   * Reads rules and key.
   * @throws ConfigInvalid
   */
  static open(
    config: { readonly CRUCIBLE_RULES_DIR?: string | undefined; readonly CRUCIBLE_CANARY_KEY_FILE: string },
    newId: () => string,
  ): Detection {
    const rules = rulesAt(config.CRUCIBLE_RULES_DIR);
    return new Detection({ rules, key: canaryKeyAt(config.CRUCIBLE_CANARY_KEY_FILE), newId });
  }

  readonly rules: CompiledRules;
  readonly #ports: DetectionPorts;

  constructor(ports: DetectionPorts) {
    this.rules = ports.rules;
    this.#ports = ports;
  }

  /** For one trial, before it has a sandbox: its canaries go in there. */
  forTrial(trial: CanaryOwner, limits: SandboxLimits, asked?: CompiledRules): TrialDetection {
    return new TrialDetection(this.#ports, trial, limits, asked);
  }
}
