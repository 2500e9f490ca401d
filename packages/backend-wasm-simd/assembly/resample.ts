// Images of other sizes: rows and columns that are weighted sums of others, or copies of them.

/** Copies the bytes of a pixel. */
// @ts-ignore: decorator
@inline
function copyPixel(to: usize, from: usize, bytes: i32): void {
  let i: i32 = 0;
  for (; i + 16 <= bytes; i += 16) v128.store(to + i, v128.load(from + i));
  if (bytes & 8) {
    store<u64>(to + i, load<u64>(from + i));
    i += 8;
  }
  if (bytes & 4) {
    store<u32>(to + i, load<u32>(from + i));
    i += 4;
  }
  for (; i < bytes; i++) store<u8>(to + i, load<u8>(from + i));
}

/** x [batch, height, width] pixels of so many bytes → y [batch, outHeight, outWidth]. Units are blocks of `strip` rows of an image of y. */
export function copyPixels(
  x: usize, y: usize, rows: usize, columns: usize, height: i32, width: i32, outHeight: i32, outWidth: i32, bytes: i32,
  strip: i32, strips: i32, begin: i32, end: i32, thread: i32,
): void {
  const line = <usize>outWidth * bytes;
  for (let unit = begin; unit < end; unit++) {
    const n = unit / strips;
    const first = (unit - n * strips) * strip;
    const last = min(outHeight, first + strip);
    let before: i32 = -1;
    for (let oh = first; oh < last; oh++) {
      const to = y + <usize>(n * outHeight + oh) * line;
      const row = load<i32>(rows + (<usize>oh << 2));
      if (row == before) {
        memory.copy(to, to - line, line);
        continue;
      }
      before = row;
      const from = x + <usize>((n * height + row) * width) * bytes;
      let at = to;
      if (bytes == 32) {
        for (let ow: i32 = 0; ow < outWidth; ow++, at += 32) {
          const pixel = from + (<usize>load<i32>(columns + (<usize>ow << 2)) << 5);
          v128.store(at, v128.load(pixel));
          v128.store(at, v128.load(pixel, 16), 16);
        }
      } else {
        for (let ow: i32 = 0; ow < outWidth; ow++, at += bytes) {
          copyPixel(at, from + <usize>(load<i32>(columns + (<usize>ow << 2)) * bytes), bytes);
        }
      }
    }
  }
}

// How elements lie: floats, bytes, signed bytes.
const FLOATS: i32 = 0;
const SIGNED: i32 = 2;

/** Four elements as floats. */
// @ts-ignore: decorator
@inline
function loadFour(x: usize, kind: i32): v128 {
  if (kind == FLOATS) return v128.load(x);
  const bytes = v128.load32_zero(x);
  return kind == SIGNED
    ? f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(bytes)))
    : f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes)));
}

// @ts-ignore: decorator
@inline
function loadOne(x: usize, kind: i32): f32 {
  if (kind == FLOATS) return load<f32>(x);
  return kind == SIGNED ? <f32>load<i8>(x) : <f32>load<u8>(x);
}

/** A row of x, its columns resampled: [outWidth, channels] floats at `to`. */
function resampleRow(
  from: usize, kind: i32, channels: i32, outWidth: i32, columns: usize, weights: usize, taps: i32, to: usize,
): void {
  const size: i32 = kind == FLOATS ? 4 : 1;
  for (let ow: i32 = 0; ow < outWidth; ow++, columns += <usize>taps << 2, weights += <usize>taps << 2) {
    let c: i32 = 0;
    for (; c + 4 <= channels; c += 4, to += 16) {
      let sum = f32x4.splat(0);
      for (let t: i32 = 0; t < taps; t++) {
        const weight = load<f32>(weights + (<usize>t << 2));
        if (weight == 0) continue;
        const pixel = from + <usize>((load<i32>(columns + (<usize>t << 2)) * channels + c) * size);
        sum = f32x4.add(sum, f32x4.mul(f32x4.splat(weight), loadFour(pixel, kind)));
      }
      v128.store(to, sum);
    }
    for (; c < channels; c++, to += 4) {
      let sum: f32 = 0;
      for (let t: i32 = 0; t < taps; t++) {
        const weight = load<f32>(weights + (<usize>t << 2));
        if (weight == 0) continue;
        const pixel = from + <usize>((load<i32>(columns + (<usize>t << 2)) * channels + c) * size);
        sum += weight * loadOne(pixel, kind);
      }
      store<f32>(to, sum);
    }
  }
}

/**
 * x [batch, height, width, channels] → y [batch, outHeight, outWidth, channels], of floats or bytes. Units are blocks of `strip` rows of an
 * image of y. Scratch holds scratchStep bytes for each thread: `rowTaps` rows of floats with their columns resampled, one of sums, and
 * which rows they are.
 */
export function resample(
  x: usize, y: usize, rows: usize, rowWeights: usize, rowTaps: i32, columns: usize, columnWeights: usize, columnTaps: i32,
  kind: i32, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32, strip: i32, strips: i32,
  scratch: usize, scratchStep: i32, begin: i32, end: i32, thread: i32,
): void {
  const size: i32 = kind == FLOATS ? 4 : 1;
  const length = outWidth * channels;
  const lineBytes = (<usize>length << 2) + 16;
  const lines = scratch + <usize>thread * scratchStep;
  const sums = lines + <usize>rowTaps * lineBytes;
  const held = sums + lineBytes;
  const low: f32 = kind == SIGNED ? -128 : 0;
  const high: f32 = kind == SIGNED ? 127 : 255;
  for (let unit = begin; unit < end; unit++) {
    const n = unit / strips;
    const first = (unit - n * strips) * strip;
    const last = min(outHeight, first + strip);
    for (let t: i32 = 0; t < rowTaps; t++) store<i32>(held + (<usize>t << 2), -1);
    for (let oh = first; oh < last; oh++) {
      const index = rows + (<usize>(oh * rowTaps) << 2);
      const weight = rowWeights + (<usize>(oh * rowTaps) << 2);
      const to = y + <usize>((n * outHeight + oh) * length * size);
      const target = kind == FLOATS ? to : sums;
      memory.fill(target, 0, <usize>length << 2);
      for (let t: i32 = 0; t < rowTaps; t++) {
        const w = load<f32>(weight + (<usize>t << 2));
        if (w == 0) continue;
        // A row goes to the place of its number: neighbours are kept beside each other.
        const row = load<i32>(index + (<usize>t << 2));
        const slot = row % rowTaps;
        const line = lines + <usize>slot * lineBytes;
        if (load<i32>(held + (<usize>slot << 2)) != row) {
          store<i32>(held + (<usize>slot << 2), row);
          const from = x + <usize>((n * height + row) * width * channels * size);
          resampleRow(from, kind, channels, outWidth, columns, columnWeights, columnTaps, line);
        }
        let i: i32 = 0;
        for (; i + 4 <= length; i += 4) {
          const at = target + (<usize>i << 2);
          const more = f32x4.mul(f32x4.splat(w), v128.load(line + (<usize>i << 2)));
          v128.store(at, f32x4.add(v128.load(at), more));
        }
        for (; i < length; i++) {
          const at = target + (<usize>i << 2);
          store<f32>(at, load<f32>(at) + w * load<f32>(line + (<usize>i << 2)));
        }
      }
      if (kind == FLOATS) continue;
      for (let i: i32 = 0; i < length; i += 4) {
        const rounded = f32x4.nearest(v128.load(sums + (<usize>i << 2)));
        const q = f32x4.min(f32x4.max(rounded, f32x4.splat(low)), f32x4.splat(high));
        const four = i32x4.trunc_sat_f32x4_s(q);
        const bytes = v128.shuffle<i8>(four, four, 0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        if (i + 4 <= length) v128.store32_lane(to + i, bytes, 0);
        else for (let k: i32 = 0; k < length - i; k++) store<u8>(to + i + k, <u8>(i32x4.extract_lane(bytes, 0) >> (k * 8)));
      }
    }
  }
}
