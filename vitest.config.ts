import { defineConfig } from 'vitest/config';

// Not `import`: what a CommonJS package requires would be resolved by it as well.
const conditions = ['crucible-source', 'node'];

/** What a tier needs before its first test, started once: a database for int, a whole platform for e2e. */
const globalSetup = {
  unit: [],
  int: ['libs/acceptance/src/support/database-setup.ts'],
  e2e: ['libs/acceptance/src/support/global-setup.ts'],
};

const tier = (name: 'unit' | 'int' | 'e2e', timeoutMs: number) => ({
  extends: true as const,
  test: {
    name,
    include: [`{libs,services}/*/src/**/*.${name}.spec.ts`, `web/src/**/*.${name}.spec.ts`],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs * 2,
    // A second try, as machines are shared with others and some of what is tested is a matter of time; what needed one is
    // named (libs/cli/src/second-tries.ts).
    retry: 1,
    // What a real server will have done shortly may take it seconds there, so `expect.poll` waits for longer than its second.
    ...(name === 'unit' ? {} : { fileParallelism: false, expect: { poll: { timeout: 15_000 } } }),
    globalSetup: globalSetup[name],
  },
});

export default defineConfig({
  // Vitest 5 compiles with oxc, which leaves decorator metadata out unless it is asked for; Nest needs it.
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  // Where the global setup is loaded: our own packages from their sources there as well, not as Node would find them.
  environments: { __vitest__: { resolve: { conditions, noExternal: [/^@crucible\//] } } },
  test: {
    projects: [tier('unit', 10_000), tier('int', 60_000), tier('e2e', 300_000)],
  },
});
