import { z } from 'zod';

/** Fields of what a rule may look at. Each has a value when it is left out, so that an example names only what matters. */
export const text = (about: string) => z.string().default('').describe(about);
export const whole = (about: string) => z.int().default(0).describe(about);
export const real = (about: string) => z.number().default(0).describe(about);
export const flag = (about: string) => z.boolean().default(false).describe(about);
export const texts = (about: string) => z.array(z.string()).default([]).describe(about);
export const wholes = (about: string) => z.array(z.int()).default([]).describe(about);
export const oneOf = <const T extends readonly [string, ...string[]]>(values: T, about: string) =>
  z
    .enum(values)
    .default(values[0] as never)
    .describe(about);
