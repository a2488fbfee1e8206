export { ExecutorModule } from './executor.module.ts';
