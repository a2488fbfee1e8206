export * from './explain.ts';
export * from './format.ts';
export * from './pattern.ts';
export * from './quantities.ts';
export * from './score.ts';
export * from './suite.ts';
export * from './stored.ts';
