import adapter from '@sveltejs/adapter-static';
import { sveltekit } from '@sveltejs/kit/vite';
import tailwindcss from '@tailwindcss/vite';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** The browser reads the domain from source, so that a page folds events with the very code the projector runs. */
const conditions = ['crucible-source', 'module', 'browser', 'development|production'];

/**
 * What two pages share comes in few files: two dozen small ones take longer to come than all of it takes to run. Kit's own
 * client has to run behind its start, which tells it where it is, so neither is in a file with the other.
 */
const sharedFiles = [
  { name: 'start', test: /preload-helper|kit\/src\/runtime\/.*payload/, priority: 3 },
  { name: 'kit', test: /@sveltejs\/kit/, minShareCount: 2, priority: 2 },
  { name: 'shared', minShareCount: 2, priority: 1 },
];

export default defineConfig({
  plugins: [
    tailwindcss(),
    sveltekit({
      adapter: adapter({ fallback: 'index.html', strict: true }),
      // The gateway owns the path space: assets must resolve from any depth of a single-page route.
      paths: { relative: false },
    }),
  ],
  resolve: {
    conditions,
    alias: { re2js: fileURLToPath(new URL('./src/lib/pattern-engine.ts', import.meta.url)) },
  },
  // Kit also builds what renders the fallback page, by Node's conditions unless it is told.
  ssr: { resolve: { conditions: ['crucible-source', 'module', 'node', 'development|production'] } },
  build: {
    target: 'es2023',
    rolldownOptions: { output: { codeSplitting: { groups: sharedFiles } } },
  },
  // The worker that verifies is a module like any other, in files of its own: the content security policy allows no others.
  worker: { format: 'es' },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/audit/'].map((path) => [path, { target: process.env['CRUCIBLE_URL'] ?? 'http://127.0.0.1:4700' }]),
    ),
  },
});
