import { createColors } from 'picocolors';

const { env, stdout, stderr } = process;
const asked = (env['FORCE_COLOR'] ?? '') !== '' && env['FORCE_COLOR'] !== '0';
const refused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';

/**
 * Colours only where a person looks: both streams are a terminal. Left to itself the library also colours whatever a
 * machine reads, as soon as a variable named CI is set.
 */
export const pc = createColors(asked || (!refused && stdout.isTTY === true && stderr.isTTY === true));
