export { readSettings, type Settings } from './config.ts';
export { exitCodes, UsageFailure } from './exit.ts';
export { PlatformFailure } from './platform/failure.ts';
export { currentPlatform, ensurePlatform, type EnsureOptions, type PlatformInfo } from './platform/platform.ts';
export { Steps, type StepRecord } from './platform/steps.ts';
