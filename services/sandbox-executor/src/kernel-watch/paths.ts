/** Links of `/proc` that lead back into the guest's own tree, and linked folders of the sandbox image. */
const PROC_ROOT = /^\/proc\/(?:self|thread-self|\d+)(?:\/task\/\d+)?\/root$/;
const PROC_CWD = /^\/proc\/(?:self|thread-self)(?:\/task\/\d+)?\/cwd$/;
/** Links of `/proc` to a folder that only the guest's kernel knows: nothing beyond them can be resolved by text. */
const UNSEEN = /^\/proc\/(?:self|\d+)(?:\/task\/\d+)?\/(?:cwd|fd\/\d+)$/;
const BEYOND_DESCRIPTOR = /^\/proc\/self(?:\/task\/\d+)?\/fd\/\d+\//;
const LINKS: ReadonlyMap<string, string> = new Map([
  ['/var/run', '/run'],
  ['/proc/thread-self', '/proc/self'],
  ['/dev/fd', '/proc/self/fd'],
]);

/**
 * The absolute path a guest's path means, by text alone: `.` and `..` resolved, well-known links followed on the way
 * (so that `/proc/self/root/..` is `/`). Links that the guest made itself cannot be followed from outside; a relative
 * path without a known folder stays relative. What lies beyond an unseen folder (`/proc/7/cwd/..`) is left as it is written.
 * @param own ids under which the calling process finds itself in `/proc`
 */
export const resolvePath = (path: string, folder: string, own: readonly number[] = []): string => {
  const home = folder.startsWith('/') ? folder : '';
  const absolute = path.startsWith('/') || home !== '';
  const steps = (path.startsWith('/') ? path : `${home}/${path}`).split('/');
  const walked = walk(steps, home, own);
  return absolute ? walked || '/' : walked.slice(1);
};

/** Whether a resolved path goes on beyond one of the caller's own descriptors: which file it means was not told. */
export const isBeyondDescriptor = (path: string): boolean => BEYOND_DESCRIPTOR.test(path);

export const isUnder = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** @returns the path without a slash at its end: `''` for the root. */
function walk(steps: readonly string[], home: string, own: readonly number[]): string {
  let place = '';
  for (const [index, step] of steps.entries()) {
    if (step === '' || step === '.') continue;
    if (UNSEEN.test(place)) return `${place}/${steps.slice(index).join('/')}`;
    if (step === '..') {
      place = place.slice(0, Math.max(0, place.lastIndexOf('/')));
      continue;
    }
    place = followed(`${place}/${step}`, home, own);
  }
  return place;
}

function followed(place: string, home: string, own: readonly number[]): string {
  if (own.some((id) => place === `/proc/${id}`)) return '/proc/self';
  const link = LINKS.get(place);
  if (link !== undefined) return link;
  if (!place.startsWith('/proc/')) return place;
  if (PROC_ROOT.test(place)) return '';
  // The folder itself may name the link again: it is taken as it is, which ends the search.
  return PROC_CWD.test(place) ? home : place;
}
