/** The bytes of a file, which are read in pieces. */
export interface ByteSource {
  readonly length: number;
  /** Whether each piece is memory of its own; else pieces are views of what others have. */
  readonly copies: boolean;
  /** Of bytes that are there. @throws RangeError if the file has become shorter */
  read(offset: number, length: number): Uint8Array;
  close?(): void;
}

/** Bytes that are in memory. */
export function sourceOf(bytes: Uint8Array): ByteSource {
  return {
    length: bytes.length,
    copies: false,
    read: (offset, length) => bytes.subarray(offset, offset + length),
  };
}

/** What reading a file takes of `node:fs`. */
export interface FileSystem {
  openSync(path: string, flags: string): number;
  fstatSync(fd: number): { readonly size: number; isFile(): boolean };
  readSync(fd: number, into: Uint8Array, offset: number, length: number, position: number): number;
  readFileSync(fd: number): Uint8Array;
  closeSync(fd: number): void;
}

/** A file, which stays open until `close`. @throws the file system's errors */
export function openFile(fs: FileSystem, path: string): ByteSource {
  const fd = fs.openSync(path, 'r');
  try {
    const stat = fs.fstatSync(fd);
    if (!stat.isFile()) {
      // A pipe is read once, from its beginning.
      const whole = sourceOf(fs.readFileSync(fd));
      fs.closeSync(fd);
      return whole;
    }
    return {
      length: stat.size,
      copies: true,
      read(offset, length) {
        const bytes = new Uint8Array(length);
        for (let done = 0; done < length; ) {
          const n = fs.readSync(fd, bytes, done, length - done, offset + done);
          if (n === 0) throw new RangeError(`premature EOF at byte ${offset + done}`);
          done += n;
        }
        return bytes;
      },
      close: () => fs.closeSync(fd),
    };
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}
