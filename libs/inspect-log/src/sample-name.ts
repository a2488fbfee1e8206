import { createHash } from 'node:crypto';

/**
 * Inspect reads a sample of a zipped log by the name `samples/<id>_epoch_<n>.json`, whatever the id is, and people unpack
 * such files. An id that could name a place outside the folder, or that file systems do not take, is therefore written
 * another way, in the log as well. What the suite calls the sample stands in its metadata then.
 */
const PLAIN_PART = /^(?![. ])[\p{L}\p{N} _.,+=@()[\]{}!#$&'^~-]+(?<![. ])$/u;
/** Names that Windows keeps for devices, whatever comes behind the dot. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;
/** Of one part, in UTF-8: file systems take 255, and `_epoch_100.json` comes behind it. */
const PART_BYTES_MAX = 200;
const UNRESERVED = /^[A-Za-z0-9_-]$/;

const isPlain = (part: string): boolean =>
  PLAIN_PART.test(part) && !DEVICE.test(part) && Buffer.byteLength(part) <= PART_BYTES_MAX;

const percent = (text: string): string =>
  [...Buffer.from(text, 'utf8')].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');

/** As in addresses, and always the first sign: then it is no device's name either. A plain id holds no `%`, so none is taken. */
const encoded = (text: string): string => {
  const written = [...text].map((sign, at) => (at > 0 && UNRESERVED.test(sign) ? sign : percent(sign))).join('');
  return written.length <= PART_BYTES_MAX ? written : `%sha256-${createHash('sha256').update(text).digest('hex')}`;
};

/** A sample's id as the log has it: its own where that names a file, also one below folders; no two ids become the same. */
export const sampleIdIn = (id: string): string => {
  const text = id.toWellFormed();
  return text === id && text.split('/').every(isPlain) ? text : encoded(text);
};

export const sampleEntryName = (idInLog: string, epoch: number): string => `samples/${idInLog}_epoch_${epoch}.json`;
