export { chanceFrom } from '../policy/random.ts';
export type { Chance } from '../policy/random.ts';
export { SimulatedLog } from './simulated-log.ts';
export type { LogEntry } from './simulated-log.ts';
export { simulatedPages } from './simulated-pages.ts';
export { simulate } from './simulation.ts';
export type { Simulation, SimulationOptions } from './simulation.ts';
export { checkHistory, checkPromises } from './check.ts';
