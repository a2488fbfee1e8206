import { evaluationIdSchema } from '@crucible/events';
import type { StopScope } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import { seesStop, teamsOfStop } from './stop-audience.ts';

const [mine, other] = ['019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f', '019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e30'].map((id) =>
  evaluationIdSchema.parse(id),
) as [ReturnType<typeof evaluationIdSchema.parse>, ReturnType<typeof evaluationIdSchema.parse>];
const owner = (id: string): string | undefined => (id === mine ? 'mine' : undefined);
const audience = (scope: StopScope, pulledBy: string) => ({ scope, teams: teamsOfStop(scope, pulledBy, owner) });

describe('the teams that may see a stop', () => {
  it.each<[string, StopScope, string, readonly string[]]>([
    ['of the platform: all', { kind: 'platform' }, 'ops', []],
    ['of a team: that one', { kind: 'team', team: 'mine' }, 'mine', ['mine']],
    ['of a team: that one, and whoever pulled it', { kind: 'team', team: 'mine' }, 'ops', ['mine', 'ops']],
    [
      'of an evaluation: its owner, and whoever pulled it',
      { kind: 'evaluation', evaluationId: mine },
      'ops',
      ['mine', 'ops'],
    ],
    [
      'of an evaluation that is not known: whoever pulled it',
      { kind: 'evaluation', evaluationId: other },
      'ops',
      ['ops'],
    ],
  ])('%s', (_, scope, pulledBy, teams) => {
    expect(teamsOfStop(scope, pulledBy, owner)).toEqual(teams);
  });
});

describe('a viewer', () => {
  it('sees a stop of the platform wherever it looks', () => {
    const stop = audience({ kind: 'platform' }, 'ops');
    expect(seesStop({ team: 'mine' }, stop)).toBe(true);
    expect(seesStop({ team: 'mine', evaluationId: mine }, stop)).toBe(true);
  });

  it('sees a stop of its own team, and not that of another', () => {
    const stop = audience({ kind: 'team', team: 'mine' }, 'ops');
    expect(seesStop({ team: 'mine' }, stop)).toBe(true);
    expect(seesStop({ team: 'mine', evaluationId: mine }, stop)).toBe(true);
    expect(seesStop({ team: 'theirs' }, stop)).toBe(false);
    expect(seesStop({ team: 'theirs', evaluationId: other }, stop)).toBe(false);
  });

  it('sees what it stopped itself in the list of all, and at an evaluation only what takes that in', () => {
    const stop = audience({ kind: 'team', team: 'mine' }, 'ops');
    expect(seesStop({ team: 'ops' }, stop)).toBe(true);
    expect(seesStop({ team: 'ops', evaluationId: other }, stop)).toBe(false);
  });

  it('sees a stop of an evaluation in the list of its team and at that evaluation alone', () => {
    const stop = audience({ kind: 'evaluation', evaluationId: mine }, 'mine');
    expect(seesStop({ team: 'mine' }, stop)).toBe(true);
    expect(seesStop({ team: 'mine', evaluationId: mine }, stop)).toBe(true);
    expect(seesStop({ team: 'mine', evaluationId: other }, stop)).toBe(false);
    expect(seesStop({ team: 'theirs' }, stop)).toBe(false);
  });
});
