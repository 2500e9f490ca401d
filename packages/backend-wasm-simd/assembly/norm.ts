// Normalisation. x is [rows, channels]. Statistics are taken over blocks of rows of a fixed size and put together in order,
// so that they don't depend on the threads. What is then done to each element depends on its channel alone: the numbers are
// laid out as a pattern that repeats with a multiple of the channels and of 4, and the loops run over flat memory.
import { firstLanes, storeLanes32 } from './lanes';
import { madd } from './tiles';

/**
 * Of `blockRows` rows: each channel's mean and Σ (x - mean)². Units are blocks → partial [units][2][filled channels]. The
 * sums are of x less the block's first row: near to the mean, so that little is lost.
 */
export function batchStatistics(
  x: usize, partial: usize, rows: i32, channels: i32, blockRows: i32, begin: i32, end: i32, thread: i32,
): void {
  const filled = (channels + 3) & ~3;
  const step = <usize>channels << 2;
  for (let unit = begin; unit < end; unit++) {
    const first = unit * blockRows;
    const count = min(blockRows, rows - first);
    const start = x + <usize>first * step;
    const to = partial + (<usize>unit * filled << 3);
    const share = f32x4.splat(1 / <f32>count);
    let c: i32 = 0;
    for (; c + 16 <= channels; c += 16) {
      let at = start + (<usize>c << 2);
      const o0 = v128.load(at), o1 = v128.load(at, 16), o2 = v128.load(at, 32), o3 = v128.load(at, 48);
      let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, q0 = s0, q1 = s0, q2 = s0, q3 = s0;
      for (let i: i32 = 0; i < count; i++, at += step) {
        let d = f32x4.sub(v128.load(at), o0);
        s0 = f32x4.add(s0, d), q0 = madd(d, d, q0);
        d = f32x4.sub(v128.load(at, 16), o1);
        s1 = f32x4.add(s1, d), q1 = madd(d, d, q1);
        d = f32x4.sub(v128.load(at, 32), o2);
        s2 = f32x4.add(s2, d), q2 = madd(d, d, q2);
        d = f32x4.sub(v128.load(at, 48), o3);
        s3 = f32x4.add(s3, d), q3 = madd(d, d, q3);
      }
      const into = to + (<usize>c << 2);
      keepMoments(into, filled, o0, s0, q0, share);
      keepMoments(into + 16, filled, o1, s1, q1, share);
      keepMoments(into + 32, filled, o2, s2, q2, share);
      keepMoments(into + 48, filled, o3, s3, q3, share);
    }
    for (; c < channels; c += 4) {
      let at = start + (<usize>c << 2);
      const o = v128.load(at);
      let s = f32x4.splat(0), q = s;
      for (let i: i32 = 0; i < count; i++, at += step) {
        const d = f32x4.sub(v128.load(at), o);
        s = f32x4.add(s, d), q = madd(d, d, q);
      }
      keepMoments(to + (<usize>c << 2), filled, o, s, q, share);
    }
  }
}

// @ts-ignore: decorator
@inline
function keepMoments(to: usize, filled: i32, origin: v128, sum: v128, squares: v128, share: v128): void {
  const mean = f32x4.mul(sum, share);
  v128.store(to, f32x4.add(origin, mean));
  const rest = f32x4.sub(squares, f32x4.mul(sum, mean));
  v128.store(to + (<usize>filled << 2), f32x4.pmax(rest, f32x4.splat(0)));
}

/** A channel's number at all its places in a pattern. */
// @ts-ignore: decorator
@inline
function spread(pattern: usize, length: i32, channels: i32, c: i32, value: f64): void {
  for (let i = c; i < length; i += channels) store<f32>(pattern + (<usize>i << 2), <f32>value);
}

/** The statistics of all rows from those of the blocks; the running ones moved; the patterns of the result. Units are channels. */
export function batchNormPatterns(
  partial: usize, weight: usize, bias: usize, saveMean: usize, saveInvStd: usize, runningMean: usize, runningVar: usize,
  scale: usize, shift: usize, length: i32, rows: i32, channels: i32, blockRows: i32, eps: f64, momentum: f64,
  begin: i32, end: i32, thread: i32,
): void {
  const filled = (channels + 3) & ~3;
  const blocks = (rows + blockRows - 1) / blockRows;
  for (let c = begin; c < end; c++) {
    const at = <usize>c << 2;
    let sum: f64 = 0;
    for (let b: i32 = 0; b < blocks; b++) {
      sum += <f64>load<f32>(partial + (<usize>b * filled << 3) + at) * min(blockRows, rows - b * blockRows);
    }
    const mean = sum / rows;
    let squares: f64 = 0;
    for (let b: i32 = 0; b < blocks; b++) {
      const from = partial + (<usize>b * filled << 3) + at;
      const d = <f64>load<f32>(from) - mean;
      squares += <f64>load<f32>(from + (<usize>filled << 2)) + d * d * min(blockRows, rows - b * blockRows);
    }
    const invStd = 1 / Math.sqrt(squares / rows + eps);
    store<f32>(saveMean + at, <f32>mean);
    store<f32>(saveInvStd + at, <f32>invStd);
    if (runningMean) {
      store<f32>(runningMean + at, <f32>((1 - momentum) * load<f32>(runningMean + at) + momentum * mean));
      const unbiased = squares / (rows - 1);
      store<f32>(runningVar + at, <f32>((1 - momentum) * load<f32>(runningVar + at) + momentum * unbiased));
    }
    const factor = invStd * (weight ? <f64>load<f32>(weight + at) : 1);
    spread(scale, length, channels, c, factor);
    spread(shift, length, channels, c, (bias ? <f64>load<f32>(bias + at) : 0) - mean * factor);
  }
}

/** The patterns for given statistics. Units are channels. */
export function batchNormEvalPatterns(
  mean: usize, variance: usize, weight: usize, bias: usize, scale: usize, shift: usize, length: i32, channels: i32,
  eps: f64, begin: i32, end: i32, thread: i32,
): void {
  for (let c = begin; c < end; c++) {
    const at = <usize>c << 2;
    const factor = (weight ? <f64>load<f32>(weight + at) : 1) / Math.sqrt(<f64>load<f32>(variance + at) + eps);
    spread(scale, length, channels, c, factor);
    spread(shift, length, channels, c, (bias ? <f64>load<f32>(bias + at) : 0) - load<f32>(mean + at) * factor);
  }
}

/** y[n] = x · scale + shift, patterns of `length` elements. Units are `unitLength` elements, a multiple of length. */
export function scaleByPattern(
  x: usize, y: usize, scale: usize, shift: usize, n: i32, length: i32, unitLength: i32,
  begin: i32, end: i32, thread: i32,
): void {
  const last = min(n, end * unitLength);
  for (let i = begin * unitLength; i < last; i += length) {
    const count = min(length, last - i);
    const at = <usize>i << 2;
    let j: i32 = 0;
    for (; j + 4 <= count; j += 4) {
      const k = <usize>j << 2;
      v128.store(y + at + k, madd(v128.load(x + at + k), v128.load(scale + k), v128.load(shift + k)));
    }
    if (j < count) {
      const k = <usize>j << 2;
      storeLanes32(y + at + k, madd(v128.load(x + at + k), v128.load(scale + k), v128.load(shift + k)), count - j);
    }
  }
}

/** Each channel's Σ gradY and Σ gradY · (x - mean) of `blockRows` rows. Units are blocks → partial [units][2][filled]. */
export function batchNormSums(
  x: usize, gradY: usize, mean: usize, partial: usize, rows: i32, channels: i32, blockRows: i32,
  begin: i32, end: i32, thread: i32,
): void {
  const filled = (channels + 3) & ~3;
  const step = <usize>channels << 2;
  for (let unit = begin; unit < end; unit++) {
    const first = unit * blockRows;
    const count = min(blockRows, rows - first);
    const to = partial + (<usize>unit * filled << 3);
    const second = to + (<usize>filled << 2);
    let c: i32 = 0;
    for (; c + 16 <= channels; c += 16) {
      const k = <usize>c << 2;
      let at = <usize>first * step + k;
      const m0 = v128.load(mean + k), m1 = v128.load(mean + k, 16);
      const m2 = v128.load(mean + k, 32), m3 = v128.load(mean + k, 48);
      let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, q0 = s0, q1 = s0, q2 = s0, q3 = s0;
      for (let i: i32 = 0; i < count; i++, at += step) {
        let g = v128.load(gradY + at);
        s0 = f32x4.add(s0, g), q0 = madd(g, f32x4.sub(v128.load(x + at), m0), q0);
        g = v128.load(gradY + at, 16);
        s1 = f32x4.add(s1, g), q1 = madd(g, f32x4.sub(v128.load(x + at, 16), m1), q1);
        g = v128.load(gradY + at, 32);
        s2 = f32x4.add(s2, g), q2 = madd(g, f32x4.sub(v128.load(x + at, 32), m2), q2);
        g = v128.load(gradY + at, 48);
        s3 = f32x4.add(s3, g), q3 = madd(g, f32x4.sub(v128.load(x + at, 48), m3), q3);
      }
      v128.store(to + k, s0), v128.store(to + k, s1, 16), v128.store(to + k, s2, 32), v128.store(to + k, s3, 48);
      v128.store(second + k, q0), v128.store(second + k, q1, 16);
      v128.store(second + k, q2, 32), v128.store(second + k, q3, 48);
    }
    for (; c < channels; c += 4) {
      const k = <usize>c << 2;
      let at = <usize>first * step + k;
      const m = v128.load(mean + k);
      let s = f32x4.splat(0), q = s;
      for (let i: i32 = 0; i < count; i++, at += step) {
        const g = v128.load(gradY + at);
        s = f32x4.add(s, g), q = madd(g, f32x4.sub(v128.load(x + at), m), q);
      }
      v128.store(to + k, s);
      v128.store(second + k, q);
    }
  }
}

/** Gradients of weight and bias, and gradX = gradY · scale + x · slope + shift as patterns. Units are channels. */
export function batchNormBackwardPatterns(
  partial: usize, mean: usize, invStd: usize, weight: usize, gradWeight: usize, gradBias: usize,
  scale: usize, slope: usize, shift: usize, length: i32, rows: i32, channels: i32, blocks: i32, training: bool,
  begin: i32, end: i32, thread: i32,
): void {
  const filled = (channels + 3) & ~3;
  for (let c = begin; c < end; c++) {
    const at = <usize>c << 2;
    let sum: f64 = 0;
    let dot: f64 = 0;
    for (let b: i32 = 0; b < blocks; b++) {
      const from = partial + (<usize>b * filled << 3) + at;
      sum += load<f32>(from);
      dot += load<f32>(from + (<usize>filled << 2));
    }
    const inverse = <f64>load<f32>(invStd + at);
    store<f32>(gradBias + at, <f32>sum);
    store<f32>(gradWeight + at, <f32>(dot * inverse));
    const factor = inverse * (weight ? <f64>load<f32>(weight + at) : 1);
    const tilt = training ? (-factor * dot * inverse * inverse) / rows : 0;
    spread(scale, length, channels, c, factor);
    spread(slope, length, channels, c, tilt);
    spread(shift, length, channels, c, training ? (-factor * sum) / rows - tilt * load<f32>(mean + at) : 0);
  }
}

/** gradX[n] = gradY · scale + x · slope + shift. Units as in scaleByPattern. */
export function blendByPattern(
  x: usize, gradY: usize, gradX: usize, scale: usize, slope: usize, shift: usize, n: i32, length: i32, unitLength: i32,
  begin: i32, end: i32, thread: i32,
): void {
  const last = min(n, end * unitLength);
  for (let i = begin * unitLength; i < last; i += length) {
    const count = min(length, last - i);
    const at = <usize>i << 2;
    for (let j: i32 = 0; j < count; j += 4) {
      const k = <usize>j << 2;
      const tilted = madd(v128.load(x + at + k), v128.load(slope + k), v128.load(shift + k));
      storeLanes32(gradX + at + k, madd(v128.load(gradY + at + k), v128.load(scale + k), tilted), count - j);
    }
  }
}

// @ts-ignore: decorator
@inline
function total(v: v128): f32 {
  const pairs = f32x4.add(v, v128.shuffle<i32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** Each row normalised: y, mean, invStd. Units are rows. */
export function layerNorm(
  x: usize, weight: usize, bias: usize, y: usize, means: usize, invStds: usize, channels: i32, eps: f64,
  begin: i32, end: i32, thread: i32,
): void {
  for (let row = begin; row < end; row++) {
    const from = x + (<usize>row * channels << 2);
    const to = y + (<usize>row * channels << 2);
    let sum = f32x4.splat(0);
    for (let c: i32 = 0; c < channels; c += 4) {
      sum = f32x4.add(sum, firstLanes(v128.load(from + (<usize>c << 2)), channels - c));
    }
    const mean = total(sum) / <f32>channels;
    const m = f32x4.splat(mean);
    let squares = f32x4.splat(0);
    for (let c: i32 = 0; c < channels; c += 4) {
      const d = firstLanes(f32x4.sub(v128.load(from + (<usize>c << 2)), m), channels - c);
      squares = madd(d, d, squares);
    }
    const invStd = <f32>(1 / Math.sqrt(<f64>total(squares) / channels + eps));
    store<f32>(means + (<usize>row << 2), mean);
    store<f32>(invStds + (<usize>row << 2), invStd);
    const s = f32x4.splat(invStd);
    for (let c: i32 = 0; c < channels; c += 4) {
      const at = <usize>c << 2;
      let v = f32x4.mul(f32x4.sub(v128.load(from + at), m), s);
      if (weight) v = f32x4.mul(v, v128.load(weight + at));
      if (bias) v = f32x4.add(v, v128.load(bias + at));
      storeLanes32(to + at, v, channels - c);
    }
  }
}

/** gradX, and of each block of rows Σ gradY · x̂ and Σ gradY: partial [units][2][filled channels]. Units are blocks. */
export function layerNormBackward(
  x: usize, gradY: usize, means: usize, invStds: usize, weight: usize, gradX: usize, partial: usize, rows: i32,
  channels: i32, blockRows: i32, begin: i32, end: i32, thread: i32,
): void {
  const filled = (channels + 3) & ~3;
  for (let unit = begin; unit < end; unit++) {
    const weights = partial + (<usize>unit * filled << 3);
    const biases = weights + (<usize>filled << 2);
    memory.fill(weights, 0, <usize>filled << 3);
    for (let row = unit * blockRows; row < min(rows, (unit + 1) * blockRows); row++) {
      const start = <usize>row * channels << 2;
      const m = v128.load32_splat(means + (<usize>row << 2));
      const s = v128.load32_splat(invStds + (<usize>row << 2));
      let sum = f32x4.splat(0);
      let dot = f32x4.splat(0);
      for (let c: i32 = 0; c < channels; c += 4) {
        const at = <usize>c << 2;
        const up = firstLanes(v128.load(gradY + start + at), channels - c);
        const normal = firstLanes(f32x4.mul(f32x4.sub(v128.load(x + start + at), m), s), channels - c);
        const g = weight ? firstLanes(f32x4.mul(up, v128.load(weight + at)), channels - c) : up;
        sum = f32x4.add(sum, g);
        dot = madd(g, normal, dot);
        v128.store(weights + at, madd(up, normal, v128.load(weights + at)));
        v128.store(biases + at, f32x4.add(up, v128.load(biases + at)));
      }
      const meanSum = f32x4.splat(total(sum) / <f32>channels);
      const meanDot = f32x4.splat(total(dot) / <f32>channels);
      for (let c: i32 = 0; c < channels; c += 4) {
        const at = <usize>c << 2;
        const up = v128.load(gradY + start + at);
        const normal = f32x4.mul(f32x4.sub(v128.load(x + start + at), m), s);
        const g = weight ? f32x4.mul(up, v128.load(weight + at)) : up;
        const rest = f32x4.sub(f32x4.sub(g, meanSum), f32x4.mul(normal, meanDot));
        storeLanes32(gradX + start + at, f32x4.mul(s, rest), channels - c);
      }
    }
  }
}

/** first, second [channels] = the sums of partial [blocks][2][filled channels]. Units are channels. */
export function sumPairs(
  partial: usize, first: usize, second: usize, blocks: i32, channels: i32, begin: i32, end: i32, thread: i32,
): void {
  const filled = (channels + 3) & ~3;
  for (let c = begin; c < end; c++) {
    let a: f64 = 0;
    let b: f64 = 0;
    for (let block: i32 = 0; block < blocks; block++) {
      const from = partial + (<usize>block * filled << 3) + (<usize>c << 2);
      a += load<f32>(from);
      b += load<f32>(from + (<usize>filled << 2));
    }
    store<f32>(first + (<usize>c << 2), <f32>a);
    store<f32>(second + (<usize>c << 2), <f32>b);
  }
}
