/** The little of a 64-bit ELF file that says what is loaded with it. Of our own programs: what does not fit throws. */

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
/** Folders that the program itself wants to be searched: none of ours has any. */
const DT_RPATH = 15;
const DT_RUNPATH = 29;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

const segmentsOf = (file: Buffer): Segment[] => {
  if (file.readUInt32BE(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1)
    throw new TypeError('it is no 64-bit little-endian ELF file');
  const [start, each, count] = [Number(file.readBigUInt64LE(32)), file.readUInt16LE(54), file.readUInt16LE(56)];
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * each;
    return {
      type: file.readUInt32LE(at),
      offset: Number(file.readBigUInt64LE(at + 8)),
      address: Number(file.readBigUInt64LE(at + 16)),
      size: Number(file.readBigUInt64LE(at + 32)),
    };
  });
};

const stringAt = (file: Buffer, at: number): string => file.subarray(at, file.indexOf(0, at)).toString('latin1');

/** The loader that a program names; null for a library. */
export const interpreterOf = (file: Buffer): string | null => {
  const found = segmentsOf(file).find(({ type }) => type === PT_INTERP);
  return found === undefined ? null : stringAt(file, found.offset);
};

/** Names of the libraries that are loaded with a file. @throws TypeError when it names folders of its own for them */
export const neededBy = (file: Buffer): string[] => {
  const segments = segmentsOf(file);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return [];
  const entries: { readonly tag: number; readonly value: number }[] = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    const tag = Number(file.readBigInt64LE(at));
    if (tag === DT_NULL) break;
    entries.push({ tag, value: Number(file.readBigUInt64LE(at + 8)) });
  }
  if (entries.some(({ tag }) => tag === DT_RPATH || tag === DT_RUNPATH))
    throw new TypeError('it names folders to look for libraries in');
  const address = entries.find(({ tag }) => tag === DT_STRTAB)?.value ?? 0;
  const home = segments.find(
    (segment) => segment.type === PT_LOAD && address >= segment.address && address < segment.address + segment.size,
  );
  if (home === undefined) throw new TypeError('its names are nowhere in it');
  const strings = home.offset + address - home.address;
  return entries.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => stringAt(file, strings + value));
};
