// What layers of LSTM and GRU over all steps have in common.
import { add, mul, sub } from './elementwise';
import { dotRows } from './gemm';
import { qgemmDynamic, qrange } from './qgemm';
import { chooseScale } from './qparams';
import { multiplyBlock } from './tiles';

// y [n] = a · b, a + b, a - b. A row isn't so long that n blocks were too many.
// @ts-ignore: decorator
@inline
export function times(a: usize, b: usize, y: usize, n: i32): void {
  mul(a, 4, b, 4, y, n, 0, n, 0);
}

// @ts-ignore: decorator
@inline
export function plus(a: usize, b: usize, y: usize, n: i32): void {
  add(a, 4, b, 4, y, n, 0, n, 0);
}

// @ts-ignore: decorator
@inline
export function minus(a: usize, b: usize, y: usize, n: i32): void {
  sub(a, 4, b, 4, y, n, 0, n, 0);
}

/**
 * The state's share of the gates: sums [rows, width] = h [rows, hidden] · weightᵀ + bias. `packed`: the weight in panels, or 0
 * where it is read as it is. What multiplyBlock needs lies behind the sums of `tile` rows, and another `hidden` numbers.
 */
export function share(
  h: usize, rows: i32, hidden: i32, packed: usize, weight: usize, bias: usize, sums: usize, width: i32, tile: i32,
): void {
  if (packed) {
    const room = sums + (<usize>(tile * width + hidden) << 2);
    multiplyBlock(h, <usize>hidden << 2, rows, packed, hidden, bias, 0, sums, <usize>width << 2, width, room);
  } else {
    dotRows(h, weight, bias, -Infinity, Infinity, sums, rows, width, hidden, 0, (width + 3) / 4, 0);
  }
}

/** The same by an int8 weight, packed as for qgemmDynamic: h is quantized by its range over all rows. */
export function dynamicShare(
  h: usize, n: i32, hidden: i32, width: i32, tile: i32, quantMax: i32, form: i32, packed16: usize, packed8: usize,
  bias8: usize, multiplier8: usize, bias: usize, range: usize, sums: usize, room: usize,
): void {
  qrange(h, n * hidden, n * hidden, range, 0, 1, 0);
  chooseScale(load<f32>(range), load<f32>(range, 4), 0, <f64>quantMax, false, range, range + 4);
  qgemmDynamic(
    h, n, hidden, width, tile, 1, load<f32>(range), load<i32>(range, 4), quantMax, form,
    packed16, packed8, bias8, multiplier8, bias, sums, room, 0, 0, (n + tile - 1) / tile, 0,
  );
}
