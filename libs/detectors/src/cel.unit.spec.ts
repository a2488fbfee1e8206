import { describe, expect, it } from 'vitest';
import { compileCondition, fieldTypes, subjectOf } from './cel.ts';
import { eventSchemas } from './typed-event.ts';
import type { TypedEvent } from './typed-event.ts';

const open = (path: string, rest: object = {}): object =>
  subjectOf(eventSchemas['kernel.open'].parse({ kind: 'kernel.open', path, ...rest }) as TypedEvent);
const holds = (condition: string, path: string): boolean =>
  compileCondition(condition, 'kernel.open').holds(open(path));
const refusal = (condition: string): string => {
  try {
    compileCondition(condition, 'kernel.open');
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('conditions', () => {
  it('speak of an event’s fields, with CEL’s types', () => {
    expect(fieldTypes('kernel.call')).toMatchObject({ name: 'string', args: 'list<int>', pid: 'int' });
    expect(fieldTypes('usage')).toMatchObject({ cpuShare: 'double', tasks: 'int' });
    expect(compileCondition("event.path.under('/etc') && event.pid > 1", 'kernel.open').fields).toEqual(
      new Set(['path', 'pid']),
    );
  });

  it('have folders, words and bits beside what CEL has', () => {
    expect(holds("event.path.under('/proc/sys')", '/proc/sys/vm')).toBe(true);
    expect(holds("event.path.under('/proc/sys')", '/proc/sys')).toBe(true);
    expect(holds("event.path.under('/proc/sys')", '/proc/system')).toBe(false);
    expect(holds("event.path.containsAny(['.ssh', '.aws'])", '/root/.aws')).toBe(true);
    expect(
      compileCondition('event.args[0].hasBits(8)', 'kernel.call').holds(
        subjectOf(eventSchemas['kernel.call'].parse({ kind: 'kernel.call', args: [12] }) as TypedEvent),
      ),
    ).toBe(true);
  });

  it('take linear time for patterns, also inside of a loop', () => {
    // JavaScript's own engine would take years for this one.
    const text = `${'a'.repeat(50_000)}!`;
    const begun = performance.now();
    expect(holds("event.path.matches('^(a+)+$')", text)).toBe(false);
    expect(holds("['x'].exists(word, event.path.matches('^(a|a)*$'))", text)).toBe(false);
    expect(performance.now() - begun).toBeLessThan(2_000);
    expect(holds(`event.path.matches('${'a?'.repeat(25)}${'a'.repeat(25)}')`, 'a'.repeat(24))).toBe(false);
    expect(refusal("event.path.matches('(?=a)')")).toContain('RE2');
    expect(refusal("['x'].exists(word, event.path.matches('(?=a)'))")).toContain('RE2');
  });

  it('refuse what could grow, loop or hide what it looks at', () => {
    expect(refusal("event.path.split('/').size() > 3")).toContain('split() is not for conditions');
    expect(refusal('event.path.matches(event.process)')).toContain('written out');
    expect(refusal("event['path'] == 'x'")).toContain('write a field');
    expect(refusal('[1].exists(a, [1].exists(b, a == b))')).toContain('inside another loop');
    expect(refusal("event.path.matches('(a{1,500}){1,500}')")).not.toBe('');
    expect(refusal(`event.path == 'x'${' || true'.repeat(600)}`)).not.toBe('');
  });

  it('say where in a text something was found', () => {
    const condition = compileCondition(
      "event.text.contains('crucible') && event.text.matches('crucible\\\\.[a-z]+')",
      'output',
    );
    expect(condition.find('a crucible and crucible.events')).toBe(15);
  });

  it.each([
    ["event.name == 'mount'", ['mount']],
    ["event.name in ['mount', 'umount2'] && event.pid > 1", ['mount', 'umount2']],
    ["event.pid > 1 && (event.name == 'bpf' || event.name == 'kill' && event.args[0] == 1)", ['bpf', 'kill']],
    ["event.name in ['a', 'b'] && event.name in ['b', 'c']", ['b']],
    ["event.name == 'bpf' || event.pid == 1", null],
    ["event.name != 'bpf'", null],
    ["!(event.name == 'bpf')", null],
    ['event.name in event.namespaces', null],
    ["event.name == 'bpf' ? event.pid == 1 : event.pid == 2", null],
    ["event.namespaces.exists(name, name == 'mount')", null],
  ])('say which names an event needs: %s', (condition, names) => {
    const needed = compileCondition(condition, 'kernel.call').names;
    expect(needed === null ? null : [...needed]).toEqual(names);
  });
});
