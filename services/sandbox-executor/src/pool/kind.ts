import type { SandboxWish } from '../sandbox/port.ts';

/** Wishes of one kind give interchangeable sandboxes: wall time and output are counted outside, per trial. */
export const kindOf = ({ image, profile, limits }: SandboxWish): string => {
  const { wallTimeMsMax: _wallTime, outputBytesMax: _output, ...container } = limits;
  const sizes = Object.entries(container).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([profile.name, profile.version, image, sizes]);
};
