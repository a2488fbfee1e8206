export * from './contract.ts';
export * from './openapi.ts';
export * from './log-contract.ts';
export * from './stop-contract.ts';
export * from './alert-contract.ts';
export * from './evidence-contract.ts';
export * from './call-contract.ts';
export * from './model-contract.ts';
