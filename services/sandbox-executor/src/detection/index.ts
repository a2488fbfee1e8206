export type { AlertRaised, AlertSink } from './alerts.ts';
export { Detection } from './open-detection.ts';
export type { TrialDetection } from './trial-detection.ts';
