import { ArgumentError, DTypeError } from '@octet/backend';
import { checkData } from '../../check-data';
import type { Tensor } from '../../tensor';

/**
 * Row or class numbers: int32, and inside 0 … size - 1 (or `ignored`) where the backend can be read at once; elsewhere
 * their values stay unchecked.
 * `size` undefined: only the dtype counts.
 * @throws DTypeError, ArgumentError
 */
export function requireIndices(
  op: string,
  name: string,
  index: Tensor,
  size: number | undefined,
  ignored?: number,
): void {
  if (index.dtype !== 'int32') {
    throw new DTypeError({
      op,
      expected: `${name} of dtype int32`,
      found: index.dtype,
      fix: "Convert it with to('int32').",
    });
  }
  if (size === undefined || !index.backend.readSync) return;
  checkData(op, index, (elements) => {
    for (const i of elements) {
      if ((i >= 0 && i < size) || i === ignored) continue;
      throw new ArgumentError({
        op,
        expected: `${name} from 0 to ${size - 1}`,
        found: String(i),
        fix: 'Check the numbering, which starts at 0, and the size of the last layer.',
      });
    }
  });
}
