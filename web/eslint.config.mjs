import root from '../eslint.config.mjs';

/** The house's rules, with what differs for code that runs in a browser. */
export default [
  // Patterns of the root configuration are written from the root.
  ...root.map((config) => ({ basePath: '..', ...config })),
  {
    // svelte-check knows every name a component may use; this rule knows no types.
    files: ['**/*.svelte', '**/*.svelte.ts'],
    rules: { 'no-undef': 'off' },
  },
  {
    // The root's configuration is no room that this one could depend on.
    files: ['eslint.config.mjs'],
    rules: { '@nx/enforce-module-boundaries': 'off' },
  },
  {
    files: ['static/**/*.js'],
    languageOptions: { sourceType: 'script', globals: { document: 'readonly', localStorage: 'readonly' } },
  },
];
