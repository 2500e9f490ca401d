// LSTM over all steps, of elementwise functions and products, a row of N at a time. x [T, N, 4H] holds the inputs' share of the
// gates i, f, g, o, or the gates' gradients go there.
import { sigmoid, sigmoidBackward, tanh, tanhBackward } from './elementwise';
import { dynamicShare, plus, share, times } from './recurrent';
import { multiplyBlock } from './tiles';

/** Gates x + sums of `rows` rows, which become σ(i), σ(f), tanh(g), σ(o), and c before → c and h. */
function cells(x: usize, sums: usize, before: usize, c: usize, h: usize, rows: i32, n: i32): void {
  const bytes = <usize>n << 2;
  for (let row: i32 = 0; row < rows; row++) {
    const g = sums + 2 * bytes;
    const o = g + bytes;
    plus(x, sums, sums, 4 * n);
    sigmoid(sums, sums, 2 * n, 0, 0, 0, n, 0);
    tanh(g, g, n, 0, 0, 0, n, 0);
    sigmoid(o, o, n, 0, 0, 0, n, 0);
    times(sums + bytes, before, c, n);
    times(sums, g, h, n);
    plus(c, h, c, n);
    tanh(c, h, n, 0, 0, 0, n, 0);
    times(o, h, h, n);
    x += 4 * bytes, sums += 4 * bytes, before += bytes, c += bytes, h += bytes;
  }
}

/**
 * y [2, T, N, H], gates [T, N, 4H] or 0. `packed`: the weight in panels, or 0 where rows are few and it is read as it is.
 * Scratch for each thread: the sums of `tile` rows, and what multiplyBlock needs. Units are tiles of rows of N.
 */
export function lstm(
  packed: usize, x: usize, weight: usize, bias: usize, h0: usize, c0: usize, y: usize, gates: usize, steps: i32,
  n: i32, hidden: i32, tile: i32, scratch: usize, scratchStep: i32, begin: i32, end: i32, thread: i32,
): void {
  const bytes = <usize>hidden << 2;
  const plane = <usize>n * bytes;
  const sums = scratch + <usize>thread * scratchStep;
  for (let unit = begin; unit < end; unit++) {
    const first = unit * tile;
    const rows = min(tile, n - first);
    let at = <usize>first * bytes;
    let h = h0 + at;
    let c = c0 + at;
    for (let t: i32 = 0; t < steps; t++, at += plane) {
      share(h, rows, hidden, packed, weight, bias, sums, hidden << 2, tile);
      h = y + at;
      const next = h + <usize>steps * plane;
      cells(x + (at << 2), sums, c, next, h, rows, hidden);
      if (gates) memory.copy(gates + (at << 2), sums, (<usize>rows * bytes) << 2);
      c = next;
    }
  }
}

/**
 * lstm by an int8 weight, packed as for qgemmDynamic: h is quantized at each step, by its range over all rows. Scratch: 64
 * bytes, the sums of all rows, and what qgemmDynamic needs. One unit.
 */
export function qlstm(
  x: usize, h0: usize, c0: usize, y: usize, steps: i32, n: i32, hidden: i32, tile: i32, quantMax: i32, form: i32,
  packed16: usize, packed8: usize, bias8: usize, multiplier8: usize, bias: usize, scratch: usize, begin: i32,
  end: i32, thread: i32,
): void {
  const plane = <usize>(n * hidden) << 2;
  const width = hidden << 2;
  const sums = scratch + 64;
  const room = (sums + (plane << 2) + 63) & ~63;
  let h = h0;
  let c = c0;
  for (let t: i32 = 0; t < steps; t++) {
    dynamicShare(
      h, n, hidden, width, tile, quantMax, form, packed16, packed8, bias8, multiplier8, bias, scratch, sums, room,
    );
    const at = <usize>t * plane;
    h = y + at;
    const next = h + <usize>steps * plane;
    cells(x + (at << 2), sums, c, next, h, n, hidden);
    c = next;
  }
}

/**
 * gradX [T, N, 4H], gradH0, gradC0 [N, H], which hold the state's gradient on the way. packed: the weight [4H, H] in panels of
 * its columns. Scratch for each thread: two rows of H, and what multiplyBlock needs. Units are tiles of rows of N.
 */
export function lstmBackward(
  packed: usize, c0: usize, y: usize, gates: usize, gradY: usize, gradX: usize, gradH0: usize, gradC0: usize,
  steps: i32, n: i32, hidden: i32, tile: i32, scratch: usize, scratchStep: i32, begin: i32, end: i32, thread: i32,
): void {
  const bytes = <usize>hidden << 2;
  const plane = <usize>n * bytes;
  const all = <usize>steps * plane;
  const curved = scratch + <usize>thread * scratchStep;
  const through = curved + bytes;
  for (let unit = begin; unit < end; unit++) {
    const from = <usize>(unit * tile) * bytes;
    const rows = min(tile, n - unit * tile);
    const size = <usize>rows * bytes;
    memory.fill(gradH0 + from, 0, size);
    memory.fill(gradC0 + from, 0, size);
    for (let at = all - plane + from; <isize>at >= 0; at -= plane) {
      for (let row: usize = 0; row < size; row += bytes) {
        const h = at + row;
        const c = all + h;
        const i = gates + (h << 2);
        const g = i + 2 * bytes;
        const o = g + bytes;
        const to = gradX + (h << 2);
        const gradH = gradH0 + from + row;
        const gradC = gradC0 + from + row;
        tanh(y + c, curved, hidden, 0, 0, 0, hidden, 0);
        plus(gradY + h, gradH, gradH, hidden);
        plus(gradY + c, gradC, gradC, hidden);
        times(gradH, o, through, hidden);
        tanhBackward(curved, through, through, hidden, 0, 0, 0, hidden, 0);
        plus(through, gradC, gradC, hidden);
        times(gradC, g, to, hidden);
        times(gradC, at >= plane ? y + c - plane : c0 + from + row, to + bytes, hidden);
        times(gradC, i, to + 2 * bytes, hidden);
        times(gradH, curved, to + 3 * bytes, hidden);
        sigmoidBackward(i, to, to, 2 * hidden, 0, 0, 0, hidden, 0);
        tanhBackward(g, to + 2 * bytes, to + 2 * bytes, hidden, 0, 0, 0, hidden, 0);
        sigmoidBackward(o, to + 3 * bytes, to + 3 * bytes, hidden, 0, 0, 0, hidden, 0);
        times(gradC, i + bytes, gradC, hidden);
      }
      multiplyBlock(
        gradX + (at << 2), bytes << 2, rows, packed, hidden << 2, 0, 0, gradH0 + from, bytes, hidden,
        through + bytes,
      );
    }
  }
}
