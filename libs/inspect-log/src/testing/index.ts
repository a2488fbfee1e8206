export { headerShape, logShape, reductionShape, sampleShape, startShape, summaryShape } from './published-shape.ts';
export type { Log, LogSample } from './published-shape.ts';
export { unzip } from './unzip.ts';
