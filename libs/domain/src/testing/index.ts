export { chanceFrom } from './random.ts';
export type { Chance } from './random.ts';
export { SimulatedLog } from './simulated-log.ts';
export type { LogEntry } from './simulated-log.ts';
export { simulate } from './simulation.ts';
export type { Simulation, SimulationOptions } from './simulation.ts';
export { checkHistory, checkPromises } from './check.ts';
