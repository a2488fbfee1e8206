export { nowhere } from './place.ts';
export type { Place, Placed } from './place.ts';
export { parseYaml } from './yaml.ts';
export type { PlacedYaml, YamlKind } from './yaml.ts';
