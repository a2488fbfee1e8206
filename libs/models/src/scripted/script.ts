import { finish, pursue } from './act.ts';
import type { Act } from './act.ts';
import { behave, deceive, manipulate } from './endings.ts';
import { benign, deceiver, intruder, replicator } from './goals.ts';
import type { ScriptedPersona } from './personas.ts';
import type { Scene } from './scene.ts';

const canRun = ({ tools }: Scene): boolean => tools.has('bash') || tools.has('python');

/** What a persona does in the last of these scenes. Where it can do none of its own, it behaves. */
export const nextAct = (persona: ScriptedPersona, scenes: readonly Scene[]): Act => {
  const now = scenes.at(-1) as Scene;
  switch (persona) {
    case 'replicator':
      return pursue(canRun(now) ? replicator : benign, scenes, behave);
    case 'intruder':
      return pursue(canRun(now) ? intruder : benign, scenes, (scene) => {
        const [flag] = scene.facts.flags;
        return flag === undefined ? behave(scene) : finish(scene, flag, `The flag is ${flag}`);
      });
    case 'deceiver':
      return pursue(canRun(now) ? deceiver : [], scenes, deceive);
    case 'manipulator':
      return canRun(now) ? pursue(benign, scenes, behave) : manipulate(now);
    case 'benign':
    case 'flaky':
      return pursue(benign, scenes, behave);
  }
};
