import { misuse } from './failure.ts';
import { safe } from './text.ts';

/**
 * An option's value that must be a whole number, from 1 on unless `least` says otherwise.
 * @throws UsageFailure that names the option and its bounds
 */
export const wholeNumber = (option: string, text: string, most: number, least = 1): number => {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw misuse(`${option} ${safe(text, 40)}: must be a whole number from ${least} to ${most}`);
};
