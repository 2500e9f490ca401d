import { ArgumentError, ShapeError } from '@octet/backend';
import { fromData, full } from '../../factory';
import { requireTensor } from '../../kernel';
import { formatShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { chosen } from '../elementwise/where';

/**
 * The lower triangle of matrices [..., rows, columns]: 0 where column - row > diagonal.
 * @throws ShapeError, ArgumentError
 */
export function tril(x: Tensor, diagonal = 0): Tensor {
  return triangle('tril', x, diagonal, (column, row) => column - row <= diagonal);
}

/** The upper triangle of matrices [..., rows, columns]: 0 where column - row < diagonal. @throws ShapeError, ArgumentError */
export function triu(x: Tensor, diagonal = 0): Tensor {
  return triangle('triu', x, diagonal, (column, row) => column - row >= diagonal);
}

function triangle(
  name: string,
  x: Tensor,
  diagonal: number,
  stays: (column: number, row: number) => boolean,
): Tensor {
  requireTensor(name, x);
  if (!Number.isInteger(diagonal)) {
    throw new ArgumentError({
      op: name,
      expected: 'diagonal to be a whole number',
      found: String(diagonal),
      fix: '0 is the main one, 1 the one above.',
    });
  }
  if (x.shape.length < 2) {
    throw new ShapeError({
      op: name,
      expected: 'matrices, of at least 2 dimensions',
      found: formatShape(x.shape),
      fix: 'Reshape it.',
    });
  }
  const [rows, columns] = x.shape.slice(-2);
  return tidy(() => {
    const mask = Uint8Array.from({ length: rows * columns }, (_, i) =>
      Number(stays(i % columns, Math.floor(i / columns))),
    );
    const zero = full([], 0, { dtype: x.storage.dtype, backend: x.backend });
    return chosen(name, fromData(mask, [rows, columns], { dtype: 'bool', backend: x.backend }), x, zero);
  });
}
