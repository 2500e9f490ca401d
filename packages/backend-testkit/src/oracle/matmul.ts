import { at, sumOf } from './array';
import { arrayOf, type Definitions, define } from './definition';
import { clamp, clamped, dynamicQparams, ofChannel, requantized, rint } from './rounding';

export const matmulDefinitions: Definitions<'matmul' | 'linear' | 'qlinear' | 'qlinearDynamic'> = {
  matmul({ a, b, y }, { transposeA, transposeB, clamp: bounds }) {
    const [left, right] = [arrayOf(a), arrayOf(b)];
    const k = a.shape[transposeA ? 1 : 2];
    define(y, ([i, row, column]) => {
      // One matrix may serve the whole batch.
      const [ia, ib] = [a.shape[0] > 1 ? i : 0, b.shape[0] > 1 ? i : 0];
      const sum = sumOf(
        k,
        (p) =>
          at(left, transposeA ? [ia, p, row] : [ia, row, p]) *
          at(right, transposeB ? [ib, column, p] : [ib, p, column]),
      );
      return clamped(sum, bounds);
    });
  },

  linear({ x, weight, bias, y }, { clamp: bounds }) {
    const [rows, weights] = [arrayOf(x), arrayOf(weight)];
    define(y, ([row, column]) => {
      const sum = sumOf(x.shape[1], (p) => at(rows, [row, p]) * at(weights, [column, p]));
      return clamped((bias?.buffer.data[column] ?? 0) + sum, bounds);
    });
  },

  qlinear({ x, weight, bias, y }, attrs) {
    const [rows, weights] = [arrayOf(x), arrayOf(weight)];
    define(y, ([row, column]) => {
      const zero = ofChannel(attrs.weightZeroPoint, column);
      const sum = sumOf(
        x.shape[1],
        (p) => (at(rows, [row, p]) - attrs.xZeroPoint) * (at(weights, [column, p]) - zero),
      );
      return requantized((bias?.buffer.data[column] ?? 0) + sum, column, attrs);
    });
  },

  qlinearDynamic({ x, weight, bias, y }, { weightScale, weightZeroPoint, reduceRange }) {
    const most = reduceRange ? 127 : 255;
    const { scale, zeroPoint } = dynamicQparams(x.buffer.data, most);
    const inverse = Math.fround(1 / scale);
    const integers = {
      shape: x.shape,
      data: Array.from(x.buffer.data, (v) => clamp(rint(Math.fround(v * inverse)) + zeroPoint, 0, most)),
    };
    const weights = arrayOf(weight);
    define(y, ([row, column]) => {
      const zero = ofChannel(weightZeroPoint, column);
      const sum = sumOf(
        x.shape[1],
        (p) => (at(integers, [row, p]) - zeroPoint) * (at(weights, [column, p]) - zero),
      );
      const product = Math.fround(Math.fround(sum) * Math.fround(scale * ofChannel(weightScale, column)));
      return Math.fround(product + (bias?.buffer.data[column] ?? 0));
    });
  },
};
