export { canaryAt, CANARY_FOLDER, mintCanaries } from './mint.ts';
export type { Minted, MintedFile } from './mint.ts';
export { canariesIn, CanaryScanner, CanarySearch } from './scanner.ts';
export type { CanaryHit, Fragment } from './scanner.ts';
export { CanaryKey, canaryNames } from './tag.ts';
export type { CanaryName, CanaryOwner, Tag } from './tag.ts';
