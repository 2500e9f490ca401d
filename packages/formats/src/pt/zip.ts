import { unzipSync } from 'fflate';
import { FormatError, type MakeError, quote } from '../errors';

/**
 * The entries of a zip archive, by their names inside its folder, which is that of the first entry: `data.pkl`, `data/0`.
 * Each lies in memory of its own, so that it starts where any element size wants it.
 *
 * `torch.save` stores its entries as they are, and only such are read: a few compressed bytes could claim to be gigabytes.
 * Checksums are not verified.
 *
 * @throws FormatError for bytes that aren't such an archive, or one that is cut short, compressed or encrypted
 */
export function unzip(bytes: Uint8Array, makeError: MakeError): ReadonlyMap<string, Uint8Array> {
  const sizes = new Map<string, number>();
  const files = read(bytes, sizes, makeError);
  const [first = ''] = sizes.keys();
  const folder = first.slice(0, first.indexOf('/') + 1);
  if (folder === '') throw makeError('the archive', 'one folder with entries', quote(first));

  const entries = new Map<string, Uint8Array>();
  for (const [name, size] of sizes) {
    // The library cuts off what would reach beyond the end.
    const found = Object.hasOwn(files, name) ? files[name].length : 0;
    if (found !== size) throw makeError(quote(name), `${size} bytes`, String(found));
    if (name.startsWith(folder)) entries.set(name.slice(folder.length), files[name]);
  }
  return entries;
}

/** Copies all entries out and notes their sizes, in the order of the directory. */
function read(
  bytes: Uint8Array,
  sizes: Map<string, number>,
  makeError: MakeError,
): Readonly<Record<string, Uint8Array>> {
  let left = bytes.length;
  try {
    return unzipSync(bytes, {
      filter: ({ name, size, originalSize, compression }) => {
        const fix = 'Load the file with PyTorch and save it again.';
        if (compression !== 0)
          throw makeError(quote(name), 'stored as it is', `compressed (method ${compression})`, { fix });
        // Encryption adds a header.
        if (size !== originalSize)
          throw makeError(quote(name), 'stored as it is', `${size} bytes for ${originalSize}`, { fix });
        if (sizes.has(name)) throw makeError(quote(name), 'the only entry of its name', 'another');
        left -= size;
        if (left < 0)
          throw makeError(quote(name), 'no longer than the rest of the file', `an entry of ${size} bytes`);
        sizes.set(name, size);
        return true;
      },
    });
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw makeError('the file', 'a zip archive', `something else, of ${bytes.length} bytes`, {
      cause,
      fix: 'It is damaged, of another kind, or older than PyTorch 1.6: save it again with a later PyTorch.',
    });
  }
}
