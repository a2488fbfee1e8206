import { describe, expect, it } from 'vitest';
import { loadRules } from './load.ts';

const rule = `id: mine
version: 1
title: Mine
description: What I look for.
severity: low
capability: system-access
tags: [attack.t1611]
on: kernel.open
condition: event.path == '/x'
response: record
`;
const problems = (text: string) => {
  const loaded = loadRules([{ path: 'mine.yaml', text }]);
  return loaded.ok
    ? []
    : loaded.problems.map(({ line, column, field, message }) => `${line}:${column} ${field} ${message}`);
};
const changed = (from: string, to: string) => problems(rule.replace(from, to));

describe('loading rules', () => {
  it('takes a rule that is right', () => {
    const loaded = loadRules([{ path: 'mine.yaml', text: rule }]);
    expect(loaded).toMatchObject({
      ok: true,
      rules: { rules: [{ id: 'mine', windowMs: 60_000, threshold: null, on: ['kernel.open'] }] },
    });
  });

  it.each([
    ['an unknown field', 'response: record', 'response: record\nrespons: alert', /^11:1 respons is no field/],
    ['a field left out', 'version: 1\n', '', /^1:1 version is missing/],
    ['a wrong tag', 'attack.t1611', 'attack.1611', /^7:8 tags\[0\] is a technique/],
    ['an unknown kind', 'on: kernel.open', 'on: kernel.opens', /^8:1 on is a kind of event/],
    ['an unknown severity', 'severity: low', 'severity: loud', /^5:1 severity /],
    [
      'a wrong duration',
      'response: record',
      'threshold: { count: 3, within: soon }\nresponse: record',
      /^10:24 threshold.within is a number with its unit/,
    ],
    [
      'a threshold of one',
      'response: record',
      'threshold: { count: 1, within: 1s }\nresponse: record',
      /^10:14 threshold.count /,
    ],
    [
      'a place that is no field',
      'response: record',
      'response: record\nsummary: "{paths}"',
      /^11:1 summary \{paths\} is no field of kernel.open/,
    ],
    ['broken YAML', 'title: Mine', 'title: [Mine', /^\d+:\d+ /],
    ['two documents', 'response: record', 'response: record\n---\nid: other', /a rule is one document/],
    ['a field twice', 'title: Mine', 'title: Mine\ntitle: Yours', /^4:1 +is written twice/],
  ])('refuses %s with its line', (_what, from, to, message) => {
    expect(changed(from, to)[0]).toMatch(message);
  });

  it('refuses a condition at the very character, however it is written', () => {
    expect(changed("event.path == '/x'", "event.path == '/x' && event.pth == ''")[0]).toMatch(
      /^9:40 condition No such key: pth; kernel.open has pid, /,
    );
    expect(changed("event.path == '/x'", "|\n  event.path == '/x'\n    && event.pth == ''")[0]).toMatch(
      /^11:14 condition No such key/,
    );
    expect(changed("event.path == '/x'", ">-\n  event.path == '/x'\n  && event.path.matches('(')")[0]).toMatch(
      /^11:25 condition not a pattern/,
    );
    expect(changed("event.path == '/x'", `"event.path == '/x' && 1"`)[0]).toMatch(/^9:\d+ condition /);
    expect(changed("event.path == '/x'", 'event.path ==')[0]).toMatch(/^9:\d+ condition Unexpected token/);
    expect(changed("event.path == '/x'", 'event.path')[0]).toMatch(/^9:12 condition gives string/);
  });

  it('checks a condition for each kind that it is for', () => {
    expect(changed('on: kernel.open', 'on: [kernel.open, kernel.connect]')[0]).toMatch(
      /No such key: path; kernel.connect has/,
    );
  });

  it('tries the examples', () => {
    const example = (side: string, path: string) =>
      changed(
        'response: record',
        `response: record\nexamples:\n  ${side}:\n    - { kind: kernel.open, path: ${path} }`,
      );
    expect(example('fires', '/x')).toEqual([]);
    expect(example('fires', '/y')).toEqual(['13:7 examples.fires[0] the condition does not hold for it']);
    expect(example('passes', '/x')).toEqual(['13:7 examples.passes[0] the condition holds for it']);
    expect(
      changed('response: record', 'response: record\nexamples: { fires: [{ kind: kernel.open, paht: /x }] }')[0],
    ).toMatch(/^11:\d+ examples\.fires\[0\]/);
  });

  it('refuses a second rule of the same id, and all with it', () => {
    const loaded = loadRules([
      { path: 'a.yaml', text: rule },
      { path: 'b.yaml', text: rule },
    ]);
    expect(loaded).toMatchObject({
      ok: false,
      problems: [{ path: 'b.yaml', line: 1, column: 1, message: '"mine" is taken by a.yaml' }],
    });
  });

  it('is bounded', () => {
    expect(problems(`# ${'x'.repeat(70_000)}`)[0]).toMatch(/at most 65536/);
    expect(changed("event.path == '/x'", `event.path == '${'x'.repeat(4_000)}'`)[0]).toMatch(/at most 4000/);
    expect(problems('[['.repeat(10_000))[0]).toBeDefined();
  });

  it('gives the same digest whatever the order', () => {
    const other = { path: 'b.yaml', text: rule.replace('id: mine', 'id: other') };
    const [one, two] = [
      [{ path: 'a.yaml', text: rule }, other],
      [other, { path: 'c.yaml', text: rule }],
    ].map(loadRules);
    expect(one?.ok && two?.ok && one.rules.digest === two.rules.digest).toBe(true);
  });
});
