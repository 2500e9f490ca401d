import { readFileSync } from 'node:fs';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

/** The files of a tar archive by their paths; `.br` and `.gz` are unpacked. */
export function readArchive(path: string): Map<string, Uint8Array> {
  const packed = readFileSync(path);
  const tar = path.endsWith('.br') ? brotliDecompressSync(packed) : gunzipSync(packed);
  const files = new Map<string, Uint8Array>();
  const text = (from: number, length: number) =>
    tar
      .subarray(from, from + length)
      .toString('utf8')
      .replace(/\0.*$/s, '');
  let longName = '';
  for (let at = 0; at + 512 <= tar.length; ) {
    const size = Number.parseInt(text(at + 124, 12), 8) || 0;
    const prefix = text(at + 345, 155);
    const name = longName || (prefix ? `${prefix}/` : '') + text(at, 100);
    const kind = text(at + 156, 1);
    // Names of more than 100 characters come before: by GNU's header, or POSIX's.
    if (kind === 'L') longName = text(at + 512, size);
    else if (kind === 'x') longName = /^\d+ path=(.*)$/m.exec(text(at + 512, size))?.[1] ?? '';
    else longName = '';
    if (kind === '0' || kind === '') files.set(name, new Uint8Array(tar.subarray(at + 512, at + 512 + size)));
    at += 512 * (1 + Math.ceil(size / 512));
  }
  files.delete('');
  return files;
}
