export * from './example-event.ts';
export * from './frozen.ts';
export * from './json-schema.ts';
