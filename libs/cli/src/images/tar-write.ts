const BLOCK = 512;
/** What the eleven digits of a header can say. */
export const tarFileBytesMax = 8 ** 11 - 1;

export interface TarHead {
  readonly path: string;
  readonly type: 'file' | 'folder';
  readonly mode: number;
  readonly size: number;
}

/** One header, of nobody in particular and of no time: the same content gives the same bytes. */
export const tarHeader = ({ path, type, mode, size }: TarHead): Buffer => {
  const header = Buffer.alloc(BLOCK);
  const name = type === 'folder' ? `${path}/` : path;
  if (Buffer.byteLength(name) > 100) throw new RangeError(`the path ${name} is too long for a header`);
  if (size > tarFileBytesMax) throw new RangeError(`${size} bytes are too many for a header`);
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');
  header.write(name, 0);
  header.write(`${octal(mode, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0${octal(size, 11)}\0${octal(0, 11)}\0`, 100);
  header.write('        ', 148);
  header.write(type === 'folder' ? '5' : '0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  return header;
};

/** What fills up the last block of so many bytes. */
export const tarPadding = (size: number): Buffer => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);

export const tarEnd = Buffer.alloc(2 * BLOCK);

export const tarFile = (path: string, content: Buffer, mode = 0o644): Buffer[] => [
  tarHeader({ path, type: 'file', mode, size: content.length }),
  content,
  tarPadding(content.length),
];
export const tarFolder = (path: string, mode = 0o755): Buffer[] => [tarHeader({ path, type: 'folder', mode, size: 0 })];
