import { readdirSync } from 'node:fs';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';

/** Every verb as the command line has it: a file here is a verb, whatever its name. */
const program = new Command('crucible');
for (const file of readdirSync(import.meta.dirname).filter((name) => /^[a-z-]+\.ts$/.test(name)))
  ((await import(`./${file}`)) as { register: (program: Command) => void }).register(program);

interface Verb {
  readonly name: string;
  readonly command: Command;
}
const verbsOf = (parent: Command, path: string): Verb[] =>
  parent.commands.flatMap((command) => {
    const name = `${path}${command.name()}`;
    return [{ name, command }, ...verbsOf(command, `${name} `)];
  });
const verbs = verbsOf(program, '');
/** Those that do something, and are no mere heading of others. */
const acting = verbs.filter(({ command }) => '_actionHandler' in command && command['_actionHandler'] !== null);

const helpOf = (command: Command): string => {
  let help = '';
  command.configureOutput({ writeOut: (text) => void (help += text), writeErr: (text) => void (help += text) });
  command.outputHelp();
  return help;
};

describe('every verb', () => {
  it('is found here, those below another too', () => {
    const names = verbs.map(({ name }) => name);
    for (const name of ['run', 'logs', 'audit verify', 'stop release', 'dead-letters redrive', 'rules test'])
      expect(names).toContain(name);
    expect(new Set(names).size).toBe(names.length);
    expect(acting.length).toBeGreaterThan(30);
  });

  it.each(verbs)('$name has a help that says what it does, and what each word after it means', ({ name, command }) => {
    const help = helpOf(command);
    expect(help).toContain(`Usage: crucible ${name}`);
    expect(command.description()).not.toBe('');
    for (const option of command.options) expect(option.description, option.flags).not.toBe('');
    for (const argument of command.registeredArguments) expect(help).toContain(argument.name());
  });

  it.each(verbs.filter(({ name }) => !name.includes(' ')))('$name shows how it is used', ({ name, command }) => {
    const examples = [command, ...command.commands].map(helpOf).join('');
    expect(examples).toMatch(new RegExp(`\\$ (\\w+=\\S+ )*\\./crucible ${name}\\b`));
  });

  it('that prints data prints it as JSON for who asks', () => {
    const without = acting.filter(({ command }) => !command.options.some(({ long }) => long === '--json'));
    // The tests' own report is their runner's, and its last line is fixed.
    expect(without.map(({ name }) => name)).toEqual(['test']);
  });
});
