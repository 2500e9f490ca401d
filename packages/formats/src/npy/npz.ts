import { checkOptions } from '@octet/backend';
import { unzipSync } from 'fflate';
import { FormatError, makeErrorFor, type ParseOptions, quote, requireBytes } from '../errors';
import type { StateDict } from '../state-dict';
import { readNpy } from './npy';

/** A zip may claim any size: what all arrays may have together. */
const MAX_BYTES = 2 ** 31;

/**
 * The arrays of a file of several (`.npz`, written by `numpy.savez` or `numpy.savez_compressed`) by their names, as `parseNpy`
 * reads each.
 *
 * @throws FormatError for bytes that aren't such a file, for arrays of more than 2 GiB together, and as `parseNpy`
 */
export function parseNpz(bytes: Uint8Array, options?: ParseOptions): StateDict {
  const { file } = checkOptions('parseNpz', options, 'file');
  requireBytes('parseNpz', bytes);
  const makeError = makeErrorFor('npz', file);
  let left = MAX_BYTES;
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(bytes, {
      filter({ name, originalSize }) {
        left -= originalSize;
        if (left < 0) throw makeError(quote(name), `arrays of ${MAX_BYTES} bytes together`, 'more');
        return true;
      },
    });
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw makeError('the file', 'a zip archive of NumPy arrays', 'something else', { cause });
  }
  return Object.fromEntries(
    Object.entries(entries).map(([entry, data]) => {
      const name = entry.replace(/\.npy$/, '');
      const inside: typeof makeError = (field, ...rest) => makeError(`${quote(name)}: ${field}`, ...rest);
      return [name, readNpy(data, inside)];
    }),
  );
}
