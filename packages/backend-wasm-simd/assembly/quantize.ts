// Floats to integers and back. [o, c, i]: a unit is a block of BLOCK elements of one of the o · c rows of i; or, where
// every element has a channel of its own (i = 1), some rows of c.
import { KIND_INT32, KIND_INT8, KIND_UINT8, QUANTIZE_BLOCK as BLOCK } from './constants';
import { storeLanes32 } from './lanes';
import { storeBytes16 } from './qlanes';
import { MAGIC, MAGIC_BITS } from './qrequantize';

/**
 * clamp(rint(x · inverse) + zero), NaN the lower bound: bounds as floats, less the zero point. The result has `zero` added to MAGIC's
 * bits.
 */
// @ts-ignore: decorator
@inline
function quantize4(x: v128, inverse: v128, low: v128, high: v128, offset: v128): v128 {
  const bounded = f32x4.pmin(high, f32x4.pmax(low, f32x4.mul(x, inverse)));
  return i32x4.sub(f32x4.add(bounded, f32x4.splat(MAGIC)), offset);
}

/** int32 has more digits than float32: in doubles, one by one. */
// @ts-ignore: decorator
@inline
function quantizeWide(x: usize, y: usize, i: i32, inverse: f32, zero: i32, low: i32, high: i32): void {
  const q = nearest<f64>(<f64>(load<f32>(x + (<usize>i << 2)) * inverse)) + <f64>zero;
  // A NaN is no more than the lower bound either.
  store<i32>(y + (<usize>i << 2), q > <f64>low ? <i32>min<f64>(q, <f64>high) : low);
}

/** Steps are 4 bytes, or 0 where one value stands for all channels. blocks: how many to a row. */
export function quantize(
  x: usize, y: usize, kind: i32, channels: i32, inner: i32, inverse: f32, inverses: usize, zeroPoint: i32, zeros: usize,
  quantMin: i32, quantMax: i32, blocks: i32, begin: i32, end: i32, thread: i32,
): void {
  for (let unit = begin; unit < end; unit++) {
    const row = unit / blocks;
    const c = row % channels;
    const from = (unit - row * blocks) * BLOCK;
    const count = min(inner - from, BLOCK);
    const first = row * inner + from;
    const factor = inverses ? load<f32>(inverses + (<usize>c << 2)) : inverse;
    const zero = zeros ? load<i32>(zeros + (<usize>c << 2)) : zeroPoint;
    if (kind == KIND_INT32) {
      for (let i = first; i < first + count; i++) quantizeWide(x, y, i, factor, zero, quantMin, quantMax);
      continue;
    }
    const factors = f32x4.splat(factor);
    const low = f32x4.splat(<f32>(quantMin - zero));
    const high = f32x4.splat(<f32>(quantMax - zero));
    const offset = i32x4.splat(MAGIC_BITS - zero);
    let at = x + (<usize>first << 2);
    let to = y + first;
    for (let i: i32 = 0; i < count; i += 16, at += 64, to += 16) {
      const r0 = i16x8.narrow_i32x4_s(
        quantize4(v128.load(at), factors, low, high, offset),
        quantize4(v128.load(at, 16), factors, low, high, offset),
      );
      const r1 = i16x8.narrow_i32x4_s(
        quantize4(v128.load(at, 32), factors, low, high, offset),
        quantize4(v128.load(at, 48), factors, low, high, offset),
      );
      const r = kind == KIND_UINT8 ? i8x16.narrow_i16x8_u(r0, r1) : i8x16.narrow_i16x8_s(r0, r1);
      storeBytes16(to, r, count - i);
    }
  }
}

/** x [rows, channels], one inverse and zero point for each channel; units are `step` rows. */
export function quantizeColumns(
  x: usize, y: usize, kind: i32, rows: i32, channels: i32, step: i32, inverses: usize, zeros: usize,
  quantMin: i32, quantMax: i32, begin: i32, end: i32, thread: i32,
): void {
  const last = min(rows, end * step);
  const least = f32x4.splat(<f32>quantMin);
  const most = f32x4.splat(<f32>quantMax);
  const magic = i32x4.splat(MAGIC_BITS);
  for (let row = begin * step; row < last; row++) {
    const first = row * channels;
    if (kind == KIND_INT32) {
      for (let c: i32 = 0; c < channels; c++) {
        const at = <usize>c << 2;
        quantizeWide(x, y, first + c, load<f32>(inverses + at), load<i32>(zeros + at), quantMin, quantMax);
      }
      continue;
    }
    for (let c: i32 = 0; c < channels; c += 4) {
      const at = <usize>c << 2;
      const zero = v128.load(zeros + at);
      const low = f32x4.sub(least, f32x4.convert_i32x4_s(zero));
      const high = f32x4.sub(most, f32x4.convert_i32x4_s(zero));
      const q = quantize4(
        v128.load(x + (<usize>(first + c) << 2)), v128.load(inverses + at), low, high, i32x4.sub(magic, zero),
      );
      const half = i16x8.narrow_i32x4_s(q, q);
      const r = kind == KIND_UINT8 ? i8x16.narrow_i16x8_u(half, half) : i8x16.narrow_i16x8_s(half, half);
      storeBytes16(y + first + c, r, min(4, channels - c));
    }
  }
}

/** Four integers at index i as int32. */
// @ts-ignore: decorator
@inline
function widen4(x: usize, kind: i32, i: i32): v128 {
  const v = v128.load32_zero(x + i);
  return kind == KIND_UINT8
    ? i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v))
    : i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v));
}

/** f32(v - zero) · scale */
// @ts-ignore: decorator
@inline
function scaled(v: v128, zero: v128, scale: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(v, zero)), scale);
}

// @ts-ignore: decorator
@inline
function dequantizeWide(x: usize, y: usize, i: i32, scale: f32, zero: i32): void {
  store<f32>(y + (<usize>i << 2), <f32>(<f64>load<i32>(x + (<usize>i << 2)) - <f64>zero) * scale);
}

/** y = f32((x - zero) · scale), as `quantize`. */
export function dequantize(
  x: usize, y: usize, kind: i32, channels: i32, inner: i32, scale: f32, scales: usize, zeroPoint: i32, zeros: usize,
  blocks: i32, begin: i32, end: i32, thread: i32,
): void {
  for (let unit = begin; unit < end; unit++) {
    const row = unit / blocks;
    const c = row % channels;
    const from = (unit - row * blocks) * BLOCK;
    const count = min(inner - from, BLOCK);
    const first = row * inner + from;
    const s = scales ? load<f32>(scales + (<usize>c << 2)) : scale;
    const z = zeros ? load<i32>(zeros + (<usize>c << 2)) : zeroPoint;
    if (kind == KIND_INT32) {
      for (let i = first; i < first + count; i++) dequantizeWide(x, y, i, s, z);
      continue;
    }
    const factors = f32x4.splat(s);
    const zero = i32x4.splat(z);
    let i: i32 = 0;
    for (; i + 16 <= count; i += 16) {
      const v = v128.load(x + first + i);
      const low = kind == KIND_UINT8 ? i16x8.extend_low_i8x16_u(v) : i16x8.extend_low_i8x16_s(v);
      const high = kind == KIND_UINT8 ? i16x8.extend_high_i8x16_u(v) : i16x8.extend_high_i8x16_s(v);
      const to = y + (<usize>(first + i) << 2);
      v128.store(to, scaled(i32x4.extend_low_i16x8_s(low), zero, factors));
      v128.store(to, scaled(i32x4.extend_high_i16x8_s(low), zero, factors), 16);
      v128.store(to, scaled(i32x4.extend_low_i16x8_s(high), zero, factors), 32);
      v128.store(to, scaled(i32x4.extend_high_i16x8_s(high), zero, factors), 48);
    }
    for (; i < count; i += 4) {
      storeLanes32(y + (<usize>(first + i) << 2), scaled(widen4(x, kind, first + i), zero, factors), count - i);
    }
  }
}

/** As `quantizeColumns`. */
export function dequantizeColumns(
  x: usize, y: usize, kind: i32, rows: i32, channels: i32, step: i32, scales: usize, zeros: usize,
  begin: i32, end: i32, thread: i32,
): void {
  const last = min(rows, end * step);
  for (let row = begin * step; row < last; row++) {
    const first = row * channels;
    for (let c: i32 = 0; c < channels; c += 4) {
      const at = <usize>c << 2;
      if (kind == KIND_INT32) {
        for (let i = c; i < min(c + 4, channels); i++) {
          dequantizeWide(x, y, first + i, load<f32>(scales + (<usize>i << 2)), load<i32>(zeros + (<usize>i << 2)));
        }
        continue;
      }
      const v = scaled(widen4(x, kind, first + c), v128.load(zeros + at), v128.load(scales + at));
      storeLanes32(y + (<usize>(first + c) << 2), v, channels - c);
    }
  }
}
