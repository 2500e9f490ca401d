import { checkIndices, type GroupedIntegers } from '@octet/backend';
import { bytes, floats, type HostTensor, ints, type RefKernel } from '../kernel';

interface Grouped {
  readonly weight: HostTensor;
  readonly scale: HostTensor;
  readonly zeroPoint?: HostTensor | undefined;
}

/** Writes the numbers of a row of `columns` grouped integers into `to`. */
function rowsOf(
  { weight, scale, zeroPoint }: Grouped,
  { bits, groupSize }: GroupedIntegers,
  columns: number,
): (row: number, to: { [index: number]: number }, at?: number) => void {
  const [q, scales] = [bytes(weight), floats(scale)];
  const zeros = zeroPoint && floats(zeroPoint);
  const width = weight.shape[1];
  const groups = scale.shape[1];
  const middle = bits === 4 ? 8 : weight.dtype === 'uint8' ? 128 : 0;
  return (row, to, at = 0) => {
    for (let j = 0; j < columns; j++) {
      const group = row * groups + Math.floor(j / groupSize);
      const byte = q[row * width + (bits === 4 ? j >> 1 : j)];
      const integer = bits === 8 ? byte : j % 2 === 0 ? byte & 15 : (byte >> 4) & 15;
      to[at + j] = (integer - (zeros ? zeros[group] : middle)) * scales[group];
    }
  };
}

/** y = x · wᵀ + bias, w [n,k] from grouped integers */
export const qlinearWeightOnly: RefKernel<'qlinearWeightOnly'> = (t, attrs) => {
  const [m, k] = t.x.shape;
  const n = t.y.shape[1];
  const [x, y] = [floats(t.x), floats(t.y)];
  const bias = t.bias && floats(t.bias);
  const read = rowsOf(t, attrs, k);
  const w = new Float64Array(k);
  for (let column = 0; column < n; column++) {
    read(column, w);
    for (let row = 0; row < m; row++) {
      let sum = bias ? bias[column] : 0;
      for (let j = 0; j < k; j++) sum += x[row * k + j] * w[j];
      y[row * n + column] = sum;
    }
  }
};

/**
 * y [n,d] = w[index], w [v,d] from grouped integers
 *
 * @throws ArgumentError for an index that is no row of weight
 */
export const qembedding: RefKernel<'qembedding'> = (t, attrs) => {
  const [n, d] = t.y.shape;
  const index = ints(t.index);
  checkIndices('embedding', 'indices', index, n, t.weight.shape[0]);
  const read = rowsOf(t, attrs, d);
  const y = floats(t.y);
  for (let i = 0; i < n; i++) read(index[i], y, i * d);
};
