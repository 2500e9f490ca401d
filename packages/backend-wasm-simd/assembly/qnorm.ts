// Normalisations of bytes. A unit is a sample.
import { storeBytes16 } from './qlanes';
import { MAGIC, MAGIC_BITS } from './qrequantize';

/** So many squares of bytes fit an uint32. */
const MOST: i32 = 65536;

// @ts-ignore: decorator
@inline
function flush(sums: usize, a: v128): void {
  store<f64>(sums, load<f64>(sums) + <f64>(<u32>i32x4.extract_lane(a, 0)));
  store<f64>(sums, load<f64>(sums, 8) + <f64>(<u32>i32x4.extract_lane(a, 1)), 8);
  store<f64>(sums, load<f64>(sums, 16) + <f64>(<u32>i32x4.extract_lane(a, 2)), 16);
  store<f64>(sums, load<f64>(sums, 24) + <f64>(<u32>i32x4.extract_lane(a, 3)), 24);
}

/** sums [channels], squares [channels], doubles, of the rows of 16 channels each. */
function channelSums(x: usize, length: i32, channels: i32, sums: usize, squares: usize): void {
  memory.fill(sums, 0, <usize>(squares - sums) * 2);
  for (let c = 0; c < channels; c += 16) {
    const at = sums + (<usize>c << 3);
    const square = squares + (<usize>c << 3);
    for (let l = 0; l < length; ) {
      let s0 = i32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
      let q0 = s0, q1 = s0, q2 = s0, q3 = s0;
      const stop = min(length, l + MOST);
      let from = x + <usize>l * channels + c;
      for (; l < stop; ) {
        let low = i16x8.splat(0), high = low;
        // 256 bytes fit an uint16.
        for (const until = min(stop, l + 256); l < until; l++, from += channels) {
          const v = v128.load(from);
          const v0 = i16x8.extend_low_i8x16_u(v);
          const v1 = i16x8.extend_high_i8x16_u(v);
          low = i16x8.add(low, v0);
          high = i16x8.add(high, v1);
          const a = i16x8.mul(v0, v0);
          const b = i16x8.mul(v1, v1);
          q0 = i32x4.add(q0, i32x4.extend_low_i16x8_u(a));
          q1 = i32x4.add(q1, i32x4.extend_high_i16x8_u(a));
          q2 = i32x4.add(q2, i32x4.extend_low_i16x8_u(b));
          q3 = i32x4.add(q3, i32x4.extend_high_i16x8_u(b));
        }
        s0 = i32x4.add(s0, i32x4.extend_low_i16x8_u(low));
        s1 = i32x4.add(s1, i32x4.extend_high_i16x8_u(low));
        s2 = i32x4.add(s2, i32x4.extend_low_i16x8_u(high));
        s3 = i32x4.add(s3, i32x4.extend_high_i16x8_u(high));
      }
      flush(at, s0);
      flush(at + 32, s1);
      flush(at + 64, s2);
      flush(at + 96, s3);
      flush(square, q0);
      flush(square + 32, q1);
      flush(square + 64, q2);
      flush(square + 96, q3);
    }
  }
}

/** clamp(rint((((q - mean) · factor) + bias) · inverse)) + zero point of four channels. */
// @ts-ignore: decorator
@inline
function normal4(
  q: v128, mean: v128, factor: v128, bias: v128, inverse: v128, low: v128, high: v128, offset: v128,
): v128 {
  const v = f32x4.add(f32x4.mul(f32x4.sub(f32x4.convert_i32x4_s(q), mean), factor), bias);
  const bounded = f32x4.pmin(high, f32x4.pmax(low, f32x4.mul(v, inverse)));
  return i32x4.sub(f32x4.add(bounded, f32x4.splat(MAGIC)), offset);
}

/** Weight and bias of 16 channels after 16, as `numbers` has them, 0 past the end. */
function spreadAffine(weight: usize, bias: usize, channels: i32, numbers: usize): void {
  memory.fill(numbers, 0, <usize>((channels + 15) >> 4) * 192);
  for (let c = 0; c < channels; c++) {
    const at = numbers + <usize>((c >> 4) * 192 + ((c & 15) << 2));
    store<f32>(at, load<f32>(weight + (<usize>c << 2)), 64);
    store<f32>(at, load<f32>(bias + (<usize>c << 2)), 128);
  }
}

/** One row whose mean and s are known; `numbers` has weight and bias. */
function normalRow(
  from: usize, to: usize, channels: i32, mean: f32, s: f32, numbers: usize, inverse: v128, low: v128, high: v128,
  offset: v128,
): void {
  const m = f32x4.splat(mean);
  const s4 = f32x4.splat(s);
  let n = numbers;
  for (let c = 0; c < channels; c += 16, n += 192) {
    const v = v128.load(from + c);
    const q0 = i16x8.extend_low_i8x16_u(v);
    const q1 = i16x8.extend_high_i8x16_u(v);
    const a = normal4(
      i32x4.extend_low_i16x8_u(q0), m, f32x4.mul(s4, v128.load(n, 64)), v128.load(n, 128), inverse, low, high, offset,
    );
    const b = normal4(
      i32x4.extend_high_i16x8_u(q0), m, f32x4.mul(s4, v128.load(n, 80)), v128.load(n, 144), inverse, low, high, offset,
    );
    const d = normal4(
      i32x4.extend_low_i16x8_u(q1), m, f32x4.mul(s4, v128.load(n, 96)), v128.load(n, 160), inverse, low, high, offset,
    );
    const e = normal4(
      i32x4.extend_high_i16x8_u(q1), m, f32x4.mul(s4, v128.load(n, 112)), v128.load(n, 176), inverse, low, high, offset,
    );
    const r = i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(d, e));
    storeBytes16(to + c, r, channels - c);
  }
}

/**
 * x [samples, length, channels] uint8 → y alike: clamp(rint((((x - mean) · (s · weight)) + bias) · inverse) + yZeroPoint), mean and s of each
 * group of `width` channels. `scratch` has `scratchStep` bytes for each thread: two doubles and three floats a channel, of 16 at a time.
 */
export function qgroupNorm(
  x: usize, weight: usize, bias: usize, y: usize, length: i32, channels: i32, width: i32, eps: f32, scale: f32,
  inverse: f32, yZeroPoint: i32, scratch: usize, scratchStep: i32, begin: i32, end: i32, thread: i32,
): void {
  const filled = (channels + 15) & ~15;
  const sums = scratch + <usize>thread * scratchStep;
  const squares = sums + (<usize>filled << 3);
  const numbers = squares + (<usize>filled << 3);
  const inverses = f32x4.splat(inverse);
  const low = f32x4.splat(<f32>-yZeroPoint);
  const high = f32x4.splat(255 - <f32>yZeroPoint);
  const offset = i32x4.splat(MAGIC_BITS - yZeroPoint);
  const count = <f64>length * <f64>width;
  // Where a sample is a row the sums of its channels are not needed one by one.
  const row = length == 1 && width == channels;
  if (row) spreadAffine(weight, bias, channels, numbers);
  for (let unit = begin; unit < end; unit++) {
    const from = x + <usize>unit * (length * channels);
    const to = y + <usize>unit * (length * channels);
    let rowSum: f64 = 0, rowSquares: f64 = 0;
    if (row) {
      let s: u32 = 0;
      let q: f64 = 0;
      let c = 0;
      let sum4 = i32x4.splat(0);
      let square4 = sum4;
      for (; c + 16 <= channels; c += 16) {
        const v = v128.load(from + c);
        sum4 = i32x4.add(sum4, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(v)));
        square4 = i32x4.add(square4, i32x4.extadd_pairwise_i16x8_u(i16x8.extmul_low_i8x16_u(v, v)));
        square4 = i32x4.add(square4, i32x4.extadd_pairwise_i16x8_u(i16x8.extmul_high_i8x16_u(v, v)));
        if ((c & 0xfff0) == 0xfff0) {
          q += <f64>(<u32>i32x4.extract_lane(square4, 0)) + <f64>(<u32>i32x4.extract_lane(square4, 1)) +
            <f64>(<u32>i32x4.extract_lane(square4, 2)) + <f64>(<u32>i32x4.extract_lane(square4, 3));
          square4 = i32x4.splat(0);
        }
      }
      s = i32x4.extract_lane(sum4, 0) + i32x4.extract_lane(sum4, 1) + i32x4.extract_lane(sum4, 2) + i32x4.extract_lane(sum4, 3);
      q += <f64>(<u32>i32x4.extract_lane(square4, 0)) + <f64>(<u32>i32x4.extract_lane(square4, 1)) +
        <f64>(<u32>i32x4.extract_lane(square4, 2)) + <f64>(<u32>i32x4.extract_lane(square4, 3));
      for (; c < channels; c++) {
        const b = <u32>load<u8>(from + c);
        s += b;
        q += <f64>(b * b);
      }
      rowSum = <f64>s;
      rowSquares = q;
    } else {
      channelSums(from, length, channels, sums, squares);
    }
    for (let first = 0; first < channels; first += width) {
      let sum: f64 = rowSum;
      let square: f64 = rowSquares;
      if (!row) {
        for (let c = first; c < first + width; c++) {
          sum += load<f64>(sums + (<usize>c << 3));
          square += load<f64>(squares + (<usize>c << 3));
        }
      }
      const centre = sum / count;
      const mean = <f32>centre;
      const variance = <f32>max<f64>(square / count - centre * centre, 0);
      const s = scale / sqrt<f32>(variance * scale * scale + eps);
      if (row) {
        normalRow(from, to, channels, mean, s, numbers, inverses, low, high, offset);
        break;
      }
      for (let c = first; c < first + width; c++) {
        const at = numbers + <usize>((c >> 4) * 192 + ((c & 15) << 2));
        store<f32>(at, mean);
        store<f32>(at, s * load<f32>(weight + (<usize>c << 2)), 64);
        store<f32>(at, load<f32>(bias + (<usize>c << 2)), 128);
      }
    }
    if (row) continue;
    for (let c = 0; c < channels; c += 16) {
      const n = numbers + <usize>((c >> 4) * 192);
      let at = <usize>c;
      for (let l = 0; l < length; l++, at += channels) {
        const v = v128.load(from + at);
        const q0 = i16x8.extend_low_i8x16_u(v);
        const q1 = i16x8.extend_high_i8x16_u(v);
        const a = normal4(
          i32x4.extend_low_i16x8_u(q0), v128.load(n, 0), v128.load(n, 64), v128.load(n, 128), inverses, low, high, offset,
        );
        const b = normal4(
          i32x4.extend_high_i16x8_u(q0), v128.load(n, 16), v128.load(n, 80), v128.load(n, 144), inverses, low, high, offset,
        );
        const d = normal4(
          i32x4.extend_low_i16x8_u(q1), v128.load(n, 32), v128.load(n, 96), v128.load(n, 160), inverses, low, high, offset,
        );
        const e = normal4(
          i32x4.extend_high_i16x8_u(q1), v128.load(n, 48), v128.load(n, 112), v128.load(n, 176), inverses, low, high, offset,
        );
        const r = i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(d, e));
        storeBytes16(to + at, r, channels - c);
      }
    }
  }
}
