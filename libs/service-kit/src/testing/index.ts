export { ServiceProcess } from './service-process.ts';
export type { LogLine } from './service-process.ts';
