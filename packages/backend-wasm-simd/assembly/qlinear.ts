// int8 linear. Weights are packed once to int16, their zero point subtracted; rows of x are packed the same way as they
// come. Then an int32 sum of two products is one i32x4.dot_i16x8_s, exact for all 8-bit operands.
import { storeBytes8 } from './lanes';

/** Outputs of one panel of packed weights. */
const PANEL: i32 = 8;
/** Rows of one unit of work. */
const ROWS: i32 = 4;

/**
 * weight [n, k] int8 → packed [panel][k pair][8 outputs][2] int16; units are panels. What lies past n or k is zero, so
 * that the sums need no edge of their own.
 */
export function packWeights(
  weight: usize, zeroPoint: usize, zeroStep: i32, packed: usize, n: i32, k: i32,
  begin: i32, end: i32, thread: i32,
): void {
  const pairs = (k + 1) >> 1;
  for (let panel = begin; panel < end; panel++) {
    let to = packed + (<usize>panel * pairs) * (PANEL * 4);
    for (let p: i32 = 0; p < pairs; p++) {
      for (let j: i32 = 0; j < PANEL; j++, to += 4) {
        const row = panel * PANEL + j;
        let low: i32 = 0;
        let high: i32 = 0;
        if (row < n) {
          const zero = load<i32>(zeroPoint + (<usize>row * zeroStep));
          const from = weight + (<usize>row * k + 2 * p);
          low = <i32>load<i8>(from) - zero;
          if (2 * p + 1 < k) high = <i32>load<i8>(from + 1) - zero;
        }
        store<i32>(to, (low & 0xffff) | (high << 16));
      }
    }
  }
}

/** `rows` rows of x, less the zero point, as int16 [ROWS][2 pairs]; rows past the end and the odd element are zero. */
// @ts-ignore: decorator
@inline
function packRows(x: usize, zeroPoint: i32, rows: i32, k: i32, pairs: i32, to: usize): void {
  const zero = i16x8.splat(<i16>zeroPoint);
  for (let r: i32 = 0; r < ROWS; r++) {
    const row = to + (<usize>r * pairs << 2);
    if (r >= rows) {
      memory.fill(row, 0, <usize>pairs << 2);
      continue;
    }
    const from = x + <usize>r * k;
    // May run over into the next row, which comes later, and past the last one, where the scratch has room.
    for (let i: i32 = 0; i < k; i += 8) {
      v128.store(row + (<usize>i << 1), i16x8.sub(v128.load8x8_u(from + i), zero));
    }
    if (k & 1) store<i16>(row + (<usize>k << 1), 0);
  }
}

/** clamp(rint(f32(acc) * multiplier) + zero): four outputs. low and high are the bounds before the zero point is added. */
// @ts-ignore: decorator
@inline
function requantize(acc: v128, multiplier: v128, low: v128, high: v128, zero: v128): v128 {
  const scaled = f32x4.nearest(f32x4.mul(f32x4.convert_i32x4_s(acc), multiplier));
  return i32x4.add(i32x4.trunc_sat_f32x4_s(f32x4.min(f32x4.max(scaled, low), high)), zero);
}

/**
 * x [m, k] uint8, packed weights, bias [panels * 8] int32, multiplier [panels * 8] float32 → y [m, n] uint8. Units are
 * 4 rows; scratch holds scratchStep bytes for each thread.
 */
export function qlinear(
  x: usize, packed: usize, bias: usize, multiplier: usize, y: usize, scratch: usize, scratchStep: i32,
  m: i32, n: i32, k: i32, xZeroPoint: i32, yZeroPoint: i32, clampMin: i32, clampMax: i32,
  begin: i32, end: i32, thread: i32,
): void {
  const pairs = (k + 1) >> 1;
  const rowBytes = <usize>pairs << 2;
  const x0 = scratch + <usize>thread * scratchStep;
  const zero = i32x4.splat(yZeroPoint);
  const low = f32x4.splat(<f32>(clampMin - yZeroPoint));
  const high = f32x4.splat(<f32>(clampMax - yZeroPoint));
  for (let unit = begin; unit < end; unit++) {
    const row = unit * ROWS;
    const rows = min(ROWS, m - row);
    packRows(x + <usize>row * k, xZeroPoint, rows, k, pairs, x0);
    let w = packed;
    for (let column: i32 = 0; column < n; column += PANEL) {
      const b = bias + (<usize>column << 2);
      let c00 = v128.load(b), c01 = v128.load(b, 16);
      let c10 = c00, c11 = c01, c20 = c00, c21 = c01, c30 = c00, c31 = c01;
      let from = x0;
      for (const last = from + rowBytes; from < last; from += 4, w += 32) {
        const w0 = v128.load(w);
        const w1 = v128.load(w, 16);
        let v = v128.load32_splat(from);
        c00 = i32x4.add(c00, i32x4.dot_i16x8_s(w0, v));
        c01 = i32x4.add(c01, i32x4.dot_i16x8_s(w1, v));
        v = v128.load32_splat(from + rowBytes);
        c10 = i32x4.add(c10, i32x4.dot_i16x8_s(w0, v));
        c11 = i32x4.add(c11, i32x4.dot_i16x8_s(w1, v));
        v = v128.load32_splat(from + rowBytes * 2);
        c20 = i32x4.add(c20, i32x4.dot_i16x8_s(w0, v));
        c21 = i32x4.add(c21, i32x4.dot_i16x8_s(w1, v));
        v = v128.load32_splat(from + rowBytes * 3);
        c30 = i32x4.add(c30, i32x4.dot_i16x8_s(w0, v));
        c31 = i32x4.add(c31, i32x4.dot_i16x8_s(w1, v));
      }
      const m0 = v128.load(multiplier + (<usize>column << 2));
      const m1 = v128.load(multiplier + (<usize>column << 2), 16);
      const r0 = i16x8.narrow_i32x4_s(requantize(c00, m0, low, high, zero), requantize(c01, m1, low, high, zero));
      const r1 = i16x8.narrow_i32x4_s(requantize(c10, m0, low, high, zero), requantize(c11, m1, low, high, zero));
      const r2 = i16x8.narrow_i32x4_s(requantize(c20, m0, low, high, zero), requantize(c21, m1, low, high, zero));
      const r3 = i16x8.narrow_i32x4_s(requantize(c30, m0, low, high, zero), requantize(c31, m1, low, high, zero));
      const to = y + <usize>row * n + column;
      const count = n - column;
      const upper = i8x16.narrow_i16x8_u(r0, r1);
      const lower = i8x16.narrow_i16x8_u(r2, r3);
      storeBytes8(to, upper, count);
      if (rows > 1) storeBytes8(to + n, v128.shuffle<i64>(upper, upper, 1, 1), count);
      if (rows > 2) storeBytes8(to + (<usize>n << 1), lower, count);
      if (rows > 3) storeBytes8(to + <usize>n * 3, v128.shuffle<i64>(lower, lower, 1, 1), count);
    }
  }
}
