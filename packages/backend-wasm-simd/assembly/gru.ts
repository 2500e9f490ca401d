// GRU over all steps, as lstm.ts. x [T, N, 3H] holds the inputs' share of the gates r, z, n, or the gates' gradients go there.
import { sigmoid, sigmoidBackward, tanh, tanhBackward } from './elementwise';
import { dynamicShare, minus, plus, share, times } from './recurrent';
import { multiplyBlock } from './tiles';

/**
 * Inputs' share x and state's share sums [rows, 3H], which become σ(r), σ(z) and stay, and h before → h. `gates` [rows, 4H]
 * or 0 gets them, and the candidate; `room` is for H numbers.
 */
function cells(x: usize, sums: usize, before: usize, h: usize, gates: usize, room: usize, rows: i32, n: i32): void {
  const bytes = <usize>n << 2;
  for (let row: i32 = 0; row < rows; row++) {
    const candidate = gates ? gates + 3 * bytes : room;
    plus(x, sums, sums, 2 * n);
    sigmoid(sums, sums, 2 * n, 0, 0, 0, 2 * n, 0);
    times(sums, sums + 2 * bytes, candidate, n);
    plus(x + 2 * bytes, candidate, candidate, n);
    tanh(candidate, candidate, n, 0, 0, 0, n, 0);
    minus(before, candidate, h, n);
    times(sums + bytes, h, h, n);
    plus(candidate, h, h, n);
    if (gates) {
      memory.copy(gates, sums, 3 * bytes);
      gates += 4 * bytes;
    }
    x += 3 * bytes, sums += 3 * bytes, before += bytes, h += bytes;
  }
}

/**
 * y [T, N, H], gates [T, N, 4H] or 0. `packed`: the weight in panels, or 0 where rows are few and it is read as it is.
 * Scratch for each thread: the sums of `tile` rows, a row of H, and what multiplyBlock needs. Units are tiles of rows of N.
 */
export function gru(
  packed: usize, x: usize, weight: usize, bias: usize, h0: usize, y: usize, gates: usize, steps: i32, n: i32,
  hidden: i32, tile: i32, scratch: usize, scratchStep: i32, begin: i32, end: i32, thread: i32,
): void {
  const bytes = <usize>hidden << 2;
  const plane = <usize>n * bytes;
  const sums = scratch + <usize>thread * scratchStep;
  const room = sums + 3 * <usize>tile * bytes;
  for (let unit = begin; unit < end; unit++) {
    const first = unit * tile;
    const rows = min(tile, n - first);
    let at = <usize>first * bytes;
    let h = h0 + at;
    for (let t: i32 = 0; t < steps; t++, at += plane) {
      share(h, rows, hidden, packed, weight, bias, sums, 3 * hidden, tile);
      cells(x + 3 * at, sums, h, y + at, gates ? gates + 4 * at : 0, room, rows, hidden);
      h = y + at;
    }
  }
}

/**
 * gru by an int8 weight, packed as for qgemmDynamic: h is quantized at each step, by its range over all rows. Scratch: 64
 * bytes, the sums of all rows, a row of H, and what qgemmDynamic needs. One unit.
 */
export function qgru(
  x: usize, h0: usize, y: usize, steps: i32, n: i32, hidden: i32, tile: i32, quantMax: i32, form: i32,
  packed16: usize, packed8: usize, bias8: usize, multiplier8: usize, bias: usize, scratch: usize, begin: i32,
  end: i32, thread: i32,
): void {
  const plane = <usize>(n * hidden) << 2;
  const sums = scratch + 64;
  const candidate = sums + 3 * plane;
  const room = (candidate + (<usize>hidden << 2) + 63) & ~63;
  let h = h0;
  for (let t: i32 = 0; t < steps; t++) {
    dynamicShare(
      h, n, hidden, 3 * hidden, tile, quantMax, form, packed16, packed8, bias8, multiplier8, bias, scratch, sums, room,
    );
    const at = <usize>t * plane;
    cells(x + 3 * at, sums, h, y + at, 0, candidate, n, hidden);
    h = y + at;
  }
}

/**
 * gradX, gradHidden [T, N, 3H], gradH0 [N, H], which holds the state's gradient on the way. packed: the weight [3H, H] in panels
 * of its columns. Scratch for each thread: `tile` rows of H, and what multiplyBlock needs. Units are tiles of rows of N.
 */
export function gruBackward(
  packed: usize, h0: usize, y: usize, gates: usize, gradY: usize, gradX: usize, gradHidden: usize, gradH0: usize,
  steps: i32, n: i32, hidden: i32, tile: i32, scratch: usize, scratchStep: i32, begin: i32, end: i32, thread: i32,
): void {
  const bytes = <usize>hidden << 2;
  const plane = <usize>n * bytes;
  const all = <usize>steps * plane;
  const products = scratch + <usize>thread * scratchStep;
  const room = products + <usize>tile * bytes;
  for (let unit = begin; unit < end; unit++) {
    const from = <usize>(unit * tile) * bytes;
    const rows = min(tile, n - unit * tile);
    const size = <usize>rows * bytes;
    const gradH = gradH0 + from;
    memory.fill(gradH, 0, size);
    for (let at = all - plane + from; <isize>at >= 0; at -= plane) {
      for (let row: usize = 0; row < size; row += bytes) {
        const h = at + row;
        const r = gates + 4 * h;
        const z = r + bytes;
        const candidate = z + 2 * bytes;
        const to = gradX + 3 * h;
        const toZ = to + bytes;
        const toN = toZ + bytes;
        const through = gradHidden + 3 * h;
        const grad = gradH + row;
        plus(gradY + h, grad, grad, hidden);
        minus(at >= plane ? y + h - plane : h0 + from + row, candidate, toZ, hidden);
        times(toZ, grad, toZ, hidden);
        times(grad, z, through, hidden);
        minus(grad, through, toN, hidden);
        memory.copy(grad, through, bytes);
        tanhBackward(candidate, toN, toN, hidden, 0, 0, 0, hidden, 0);
        times(toN, z + bytes, to, hidden);
        sigmoidBackward(r, to, to, 2 * hidden, 0, 0, 0, 2 * hidden, 0);
        memory.copy(through, to, 2 * bytes);
        times(toN, r, through + 2 * bytes, hidden);
      }
      multiplyBlock(
        gradHidden + 3 * at, 3 * bytes, rows, packed, 3 * hidden, 0, 0, products, bytes, hidden, room,
      );
      plus(products, gradH, gradH, rows * hidden);
    }
  }
}
