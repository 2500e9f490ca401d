// Sums over the middle axis of [outer, n, inner], in doubles. No sum is ever split by the number of threads: units are
// whole columns, or blocks of a fixed size whose sums are added up in order afterwards.
import { SUM_BLOCK } from './constants';
import { storeLanes32 } from './lanes';

/** The sum of SUM_BLOCK elements (or what is left of the row) of x [outer, n]; units are blocks → partial [units] f64. */
export function sumBlocks(x: usize, partial: usize, n: i32, blocks: i32, begin: i32, end: i32, thread: i32): void {
  for (let unit = begin; unit < end; unit++) {
    const row = unit / blocks;
    const first = (unit - row * blocks) * SUM_BLOCK;
    const count = min(SUM_BLOCK, n - first);
    let at = x + ((<usize>row * n + first) << 2);
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    let i: i32 = 0;
    for (; i + 4 <= count; i += 4, at += 16) {
      const v = v128.load(at);
      low = f64x2.add(low, f64x2.promote_low_f32x4(v));
      high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i32>(v, v, 2, 3, 2, 3)));
    }
    const both = f64x2.add(low, high);
    let total = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
    for (; i < count; i++, at += 4) total += load<f32>(at);
    store<f64>(partial + ((<usize>unit) << 3), total);
  }
}

/** y [outer] = the sums of the blocks of each row; units are rows. */
export function sumPartials(partial: usize, y: usize, blocks: i32, begin: i32, end: i32, thread: i32): void {
  for (let row = begin; row < end; row++) {
    let total: f64 = 0;
    for (let b: i32 = 0; b < blocks; b++) total += load<f64>(partial + ((<usize>row * blocks + b) << 3));
    store<f32>(y + ((<usize>row) << 2), <f32>total);
  }
}

/** x [outer, n, inner] → y [outer, inner]; units are four columns of one outer index, strips = ceil(inner / 4). */
export function sumColumns(x: usize, y: usize, n: i32, inner: i32, strips: i32, begin: i32, end: i32, thread: i32): void {
  for (let unit = begin; unit < end; unit++) {
    const outer = unit / strips;
    const column = (unit - outer * strips) * 4;
    let at = x + ((<usize>outer * n * inner + column) << 2);
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    for (let i: i32 = 0; i < n; i++, at += (<usize>inner) << 2) {
      const v = v128.load(at);
      low = f64x2.add(low, f64x2.promote_low_f32x4(v));
      high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i32>(v, v, 2, 3, 2, 3)));
    }
    const sums = v128.shuffle<i32>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5);
    storeLanes32(y + ((<usize>outer * inner + column) << 2), sums, inner - column);
  }
}
