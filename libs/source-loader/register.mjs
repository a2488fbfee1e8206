// Runs the TypeScript sources as they are. Node's own type stripping refuses decorators and tsx emits no decorator
// metadata, both of which Nest's dependency injection needs; so each .ts file passes through swc as Node loads it.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync, version } from '@swc/core';

const cacheDir = fileURLToPath(new URL('../../node_modules/.cache/crucible-source/', import.meta.url));
mkdirSync(cacheDir, { recursive: true });

const options = (filename) => ({
  filename,
  sourceMaps: 'inline',
  swcrc: false,
  configFile: false,
  jsc: {
    target: 'es2023',
    keepClassNames: true,
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
  },
  module: { type: 'es6' },
});

/** Compiles one file, keeping the result under the hash of its text. Written by rename: several services start at once. */
const compile = (filename) => {
  const source = readFileSync(filename, 'utf8');
  const key = createHash('sha256').update(version).update(filename).update(source).digest('hex');
  const cached = join(cacheDir, `${key}.js`);
  try {
    return readFileSync(cached, 'utf8');
  } catch {
    const { code } = transformSync(source, options(filename));
    const partial = `${cached}.${process.pid}`;
    writeFileSync(partial, code);
    renameSync(partial, cached);
    return code;
  }
};

registerHooks({
  load(url, context, nextLoad) {
    if (!url.startsWith('file:') || !url.endsWith('.ts') || url.includes('/node_modules/.'))
      return nextLoad(url, context);
    return { format: 'module', shortCircuit: true, source: compile(fileURLToPath(url)) };
  },
});
