import { crc32, inflateRawSync } from 'node:zlib';

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;

/** Entries of a zip archive by name, in the order of its directory: as Python's `zipfile` finds them, and as strict. */
export const unzip = (archive: Buffer): ReadonlyMap<string, Buffer> => {
  let end = archive.byteLength - END_BYTES;
  while (end >= 0 && archive.readUInt32LE(end) !== END) end -= 1;
  if (end < 0) throw new Error('no end of a directory: this is no zip archive');
  const entries = new Map<string, Buffer>();
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left -= 1) {
    if (archive.readUInt32LE(at) !== CENTRAL) throw new Error(`no entry of a directory at ${at}`);
    const [method, crc, compressed] = [
      archive.readUInt16LE(at + 10),
      archive.readUInt32LE(at + 16),
      archive.readUInt32LE(at + 20),
    ];
    const [nameBytes, extra, comment] = [28, 30, 32].map((offset) => archive.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const name = archive.toString('utf8', at + 46, at + 46 + nameBytes);
    const local = archive.readUInt32LE(at + 42);
    if (archive.readUInt32LE(local) !== LOCAL) throw new Error(`no entry ${name} at ${local}`);
    const from = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const raw = archive.subarray(from, from + compressed);
    const body = method === 0 ? raw : inflateRawSync(raw);
    if (crc32(body) !== crc) throw new Error(`${name} is damaged`);
    if (entries.has(name)) throw new Error(`two entries are called ${name}`);
    entries.set(name, body);
    at += 46 + nameBytes + extra + comment;
  }
  return entries;
};
