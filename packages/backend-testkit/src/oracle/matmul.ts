import { at, sumOf } from './array';
import { arrayOf, type Definitions, define } from './definition';
import { clamped, dynamicIntegers, ofChannel, requantized, scaled } from './rounding';

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
    const { scale, zeroPoint, integers } = dynamicIntegers(x.buffer.data, reduceRange);
    const rows = { shape: x.shape, data: integers };
    const weights = arrayOf(weight);
    define(y, ([row, column]) => {
      const zero = ofChannel(weightZeroPoint, column);
      const sum = sumOf(
        x.shape[1],
        (p) => (at(rows, [row, p]) - zeroPoint) * (at(weights, [column, p]) - zero),
      );
      return scaled(sum, scale * ofChannel(weightScale, column), bias?.buffer.data[column]);
    });
  },
};
