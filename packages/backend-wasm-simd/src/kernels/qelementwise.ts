import type { KernelTable } from '@octet/backend';
import { qelementwiseBlock as block, lineBits } from '../generated/constants';
import { size, type WasmKernel, type WasmTensor } from '../kernel';
import { writeConstants } from './qrequantize';

/** Units worth a thread. */
const grain = 16;

/** y[n] = clamp(roundHalfAway((A(a - aZeroPoint) + B(b - bZeroPoint)) / 2^shift) + yZeroPoint) */
export const qadd: WasmKernel<'qadd'> = (cx, { a, b, y }, attrs) => {
  const { aMultiplier, bMultiplier, shift, aZeroPoint, bZeroPoint, yZeroPoint, clampMin, clampMax } = attrs;
  const n = size(y);
  const offset = -(aMultiplier * aZeroPoint + bMultiplier * bZeroPoint);
  const largest = 255 * (aMultiplier + bMultiplier) + offset + 2 ** shift / 2;
  const simple = shift < 31 && largest < 2 ** 31 && largest > -(2 ** 31);
  const addresses = { a: cx.address(a), b: cx.address(b), y: cx.address(y) };
  const rest = { n, aMultiplier, bMultiplier, offset, shift, simple, yZeroPoint, clampMin, clampMax };
  cx.parallel('qadd', { ...addresses, ...rest }, Math.ceil(n / block), grain);
};

/** y[n] = clamp(rint(f32((a - aZeroPoint)(b - bZeroPoint)) · multiplier) + yZeroPoint) */
export const qmul: WasmKernel<'qmul'> = (cx, { a, b, y }, attrs) => {
  const { aZeroPoint, bZeroPoint, multiplier } = attrs;
  const n = size(y);
  const constants = cx.upload(writeConstants(attrs));
  const addresses = { a: cx.address(a), b: cx.address(b), y: cx.address(y), constants };
  cx.parallel('qmul', { ...addresses, n, aZeroPoint, bZeroPoint, multiplier }, Math.ceil(n / block), grain);
};

/** What may be rounded without being bounded first. */
const SMALL = 2 ** 21;

type Channels = Pick<KernelTable['qaffine']['attrs'], 'positive' | 'negative' | 'shift'>;

/** What channels need, as the wasm function takes it, and its form. */
interface Affine extends Channels {
  readonly numbers: Float32Array;
  readonly form: number;
}

/** By the shifts: a layer gives the same arrays at every call. */
const affines = new WeakMap<Float32Array, Affine>();

function affineOf({ positive, negative, shift }: Channels): Affine {
  const known = affines.get(shift);
  if (known?.positive === positive && known.negative === negative) return known;
  const channels = shift.length;
  const numbers = new Float32Array(Math.ceil(channels / 16) * 48);
  let largest = 0;
  let signs = false;
  for (let c = 0; c < channels; c++) {
    const at = (c >> 4) * 48 + (c & 15);
    const [p, n, s] = [positive[c], negative[c], shift[c]];
    numbers[at] = p;
    numbers[at + 16] = n;
    numbers[at + 32] = s;
    signs ||= p !== n;
    largest = Math.max(largest, 255 * Math.max(Math.abs(p), Math.abs(n)) + Math.abs(s));
  }
  const made = { positive, negative, shift, numbers, form: (signs ? 1 : 0) + (largest < SMALL ? 2 : 0) };
  affines.set(shift, made);
  return made;
}

/** y[r,c] = clamp(rint(f32(f32((x - xZeroPoint) · m[c]) + shift[c])) + yZeroPoint), m by the sign */
export const qaffine: WasmKernel<'qaffine'> = (cx, { x, y }, attrs) => {
  const { xZeroPoint } = attrs;
  const [rows, channels] = x.shape;
  if (rows === 0 || channels === 0) return;
  const { numbers, form } = affineOf(attrs);
  const step = Math.max(1, Math.floor(block / channels));
  const addresses = { x: cx.address(x), y: cx.address(y) };
  const uploads = { numbers: cx.upload(numbers), constants: cx.upload(writeConstants(attrs)) };
  const args = { ...addresses, rows, channels, step, xZeroPoint, ...uploads, form };
  cx.parallel('qaffine', args, Math.ceil(rows / step), grain);
};

/** y[n] = table[x], where int8 counts from -128 */
export const qlookup: WasmKernel<'qlookup'> = (cx, { x, y }, { table }) => {
  const n = size(y);
  const [from, to] = [offsetOf(x), offsetOf(y)];
  const { bounds, line } = shortOf(table, to);
  if (bounds) {
    const args = { x: cx.address(x), y: cx.address(y), n, low: bounds.low, high: bounds.high, from, to };
    cx.parallel('qclamp', args, Math.ceil(n / block), 4 * grain);
    return;
  }
  if (line) {
    const args = { x: cx.address(x), y: cx.address(y), n, slope: line.slope, start: line.start, from, to };
    cx.parallel('qline', args, Math.ceil(n / block), 2 * grain);
    return;
  }
  const args = {
    table: cx.upload(x.dtype === 'int8' ? fromZero(table) : table),
    ...{ x: cx.address(x), y: cx.address(y), n },
  };
  cx.parallel('qlookup', args, Math.ceil(n / block), grain);
};

/** What int8 counts from, below zero. */
const offsetOf = ({ dtype }: WasmTensor) => (dtype === 'int8' ? 128 : 0);

interface Bounds {
  readonly low: number;
  readonly high: number;
}

interface Line {
  readonly slope: number;
  readonly start: number;
}

/** What a table is in short: bounds, as ReLU's or that of no more than another dtype, or a line between 0 and 255, as a requantization. */
interface Short {
  readonly bounds?: Bounds | undefined;
  readonly line?: Line | undefined;
}

// Layers come with the same tables again and again.
const shorts = new WeakMap<Uint8Array | Int8Array, Short>();

function shortOf(table: Uint8Array | Int8Array, offset: number): Short {
  const known = shorts.get(table);
  if (known) return known;
  const values = Array.from(table, (v) => (v + offset) & 255);
  const bounds = boundsOf(values);
  const found = bounds ? { bounds } : { line: lineOf(values) };
  shorts.set(table, found);
  return found;
}

function boundsOf(values: readonly number[]): Bounds | undefined {
  const [low, high] = [values[0], values[255]];
  return values.every((v, i) => v === Math.min(Math.max(i, low), high)) ? { low, high } : undefined;
}

const one = 2 ** lineBits;

/** The line that goes through all values when it is rounded down and bounded, if there is one. */
function lineOf(values: readonly number[]): Line | undefined {
  // Where a line of this slope may start, so that it is above no value's top and below none.
  const room = (slope: number) => {
    let least = Number.NEGATIVE_INFINITY;
    let most = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 256; i++) {
      if (values[i] > 0) least = Math.max(least, values[i] * one - i * slope);
      if (values[i] < 255) most = Math.min(most, (values[i] + 1) * one - 1 - i * slope);
    }
    return { start: least, width: most - least };
  };
  // It is a concave function of the slope. Below 4 all sums fit an int32.
  let [from, to] = [0, 4 * one - 1];
  while (to - from > 2) {
    const third = Math.floor((to - from) / 3);
    if (room(from + third).width < room(to - third).width) from += third;
    else to -= third;
  }
  for (let slope = from; slope <= to; slope++) {
    const { start, width } = room(slope);
    if (width >= 0 && Math.abs(start) < 2 ** 30) return { slope, start };
  }
  return undefined;
}

/** A table of -128 to 127 by the bytes of those: from 0 to 127, then from -128. */
function fromZero(table: Uint8Array | Int8Array): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => table[byte ^ 128]);
}
