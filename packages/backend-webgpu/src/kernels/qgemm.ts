import type { ConvGeometry } from '@octet/backend';
import type { GpuBuffer } from '../buffers';
import type { Gpu } from '../gpu';
import type { GpuTensor } from '../kernel';
import { type Program, program } from '../program';
import { bytes, flip, fourBytes } from '../wgsl/bytes';
import { outputAt, windowUniforms } from './conv2d';

/** Weights as the int8 kernels want them. */
export interface PackedWeights {
  /**
   * int8 [group][word][column], each word four input channels of one tap, columns the group's output channels, padded to
   * fours with zeros; for narrow groups [tap][input channel][word], the word four output channels.
   */
  weights: GpuBuffer;
  /** For each four columns of a group: what the sums begin with, zero points, multipliers, float biases. */
  channels: GpuBuffer;
  /** Whether any zero point isn't 0. */
  affine: boolean;
  narrow: boolean;
}

export interface PackOptions {
  groups: number;
  narrow: boolean;
  /** A part of `Σ weight` that the sums begin with: 128 - xZeroPoint, the activations being 128 less than they were. */
  share: number;
  zeroPoint: Int32Array;
  multiplier: Float32Array;
}

const packWeights = program({
  name: 'int8 weights, packed',
  inputs: { weight: 'u32' },
  outputs: { packed: 'u32' },
  uniforms: {
    size: 'u32',
    words: 'u32',
    columns: 'u32',
    groupOut: 'u32',
    taps: 'u32',
    tapWords: 'u32',
    groupIn: 'u32',
  },
  workgroup: [64],
  include: [fourBytes('weight')],
  main: `
  if (index >= u.size) { return; }
  let column = index % u.columns;
  if (column >= u.groupOut) {
    packed[index] = 0u;
    return;
  }
  let k = index / u.columns % u.words;
  let row = index / u.columns / u.words * u.groupOut + column;
  let channel = k % u.tapWords * 4u;
  let word = weightFour((row * u.taps + k / u.tapWords) * u.groupIn + channel);
  let count = min(u.groupIn - channel, 4u);
  packed[index] = word & (0xffffffffu >> (32u - 8u * count));`,
});

const packNarrow = program({
  name: 'int8 weights, packed for narrow groups',
  inputs: { weight: 'u32' },
  outputs: { packed: 'u32' },
  uniforms: { size: 'u32', columns: 'u32', channels: 'u32', taps: 'u32' },
  workgroup: [64],
  main: `
  if (index >= u.size) { return; }
  var word = 0u;
  for (var i = 0u; i < 4u; i++) {
    let channel = 4u * (index % u.columns) + i;
    let at = channel * u.taps + index / u.columns;
    if (channel < u.channels) { word |= ((weight[at >> 2u] >> (8u * (at & 3u))) & 255u) << (8u * i); }
  }
  packed[index] = word;`,
});

const packChannels = program({
  name: 'int8 weights, their channels',
  inputs: { packed: 'u32', bias: 'i32', zeroPoint: 'i32', multiplier: 'i32' },
  outputs: { channels: 'i32' },
  uniforms: {
    size: 'u32',
    words: 'u32',
    length: 'i32',
    columns: 'u32',
    groupOut: 'u32',
    share: 'i32',
    biased: 'u32',
    floatBias: 'u32',
    zeroPoints: 'u32',
    multipliers: 'u32',
  },
  workgroup: [64],
  include: [bytes],
  main: `
  if (index >= u.size) { return; }
  let column = index % u.columns;
  let section = index / u.columns;
  var start = 0;
  var zero = 0;
  var factor = 0;
  var bits = 0;
  if (column < u.groupOut) {
    let channel = section * u.groupOut + column;
    zero = zeroPoint[select(0u, channel, u.zeroPoints > 1u)];
    factor = multiplier[select(0u, channel, u.multipliers > 1u)];
    bits = select(0, bias[channel], u.biased != 0u);
    var sum = vec4i();
    for (var k = 0u; k < u.words; k++) { sum += signedBytes(packed[(section * u.words + k) * u.columns + column]); }
    start = u.share * (sum.x + sum.y + sum.z + sum.w - u.length * zero);
    if (u.floatBias == 0u) { start += bits; }
  }
  let at = index / 4u * 16u + index % 4u;
  channels[at] = start;
  channels[at + 4u] = zero;
  channels[at + 8u] = factor;
  channels[at + 12u] = bits;`,
});

/** @param weight int8 [O,kh,kw,C/groups], @param bias [O]?, int32 or float32; the result belongs to the caller */
export function pack(
  gpu: Gpu,
  weight: { buffer: GpuBuffer; shape: readonly number[] },
  bias: GpuTensor | undefined,
  { groups, narrow, share, zeroPoint, multiplier }: PackOptions,
): PackedWeights {
  const [outputs, height, width, groupIn] = weight.shape;
  const taps = height * width;
  const sections = narrow ? 1 : groups;
  const groupOut = outputs / sections;
  const columns = 4 * Math.ceil(groupOut / 4);
  // Kernels of narrow groups subtract zero points from the numbers themselves: nothing to put right.
  const words = narrow ? 0 : taps * Math.ceil(groupIn / 4);
  const size = narrow ? (taps * groupIn * columns) / 4 : sections * words * columns;
  const weights = gpu.allocate('int32', size);
  const channels = gpu.allocate('int32', 4 * sections * columns);
  const bound = { weight: weight.buffer, packed: weights };
  const groupsOf = (n: number) => Math.ceil(n / 64);
  if (narrow) {
    const uniforms = { size, columns: columns / 4, channels: outputs, taps: taps * groupIn };
    gpu.run(packNarrow, bound, uniforms, groupsOf(size));
  } else {
    const tapWords = words / taps;
    gpu.run(packWeights, bound, { size, words, columns, groupOut, taps, tapWords, groupIn }, groupsOf(size));
  }
  gpu.run(
    packChannels,
    {
      packed: weights,
      bias: bias ?? weights,
      zeroPoint: gpu.constant(zeroPoint),
      multiplier: gpu.constant(multiplier),
      channels,
    },
    {
      size: sections * columns,
      words,
      length: narrow ? 0 : taps * groupIn,
      columns,
      groupOut,
      share,
      biased: bias ? 1 : 0,
      floatBias: bias?.dtype === 'float32' ? 1 : 0,
      zeroPoints: zeroPoint.length,
      multipliers: multiplier.length,
    },
    groupsOf(sections * columns),
  );
  return { weights, channels, affine: zeroPoint.some((zero) => zero !== 0), narrow };
}

export function freePacked(gpu: Gpu, { weights, channels }: PackedWeights): void {
  gpu.free(weights);
  gpu.free(channels);
}

const gemmUniforms = {
  ...windowUniforms,
  tiles: 'u32',
  rows: 'u32',
  columns: 'u32',
  words: 'u32',
  tapWords: 'i32',
  padding: 'u32',
  affine: 'u32',
  lastOnes: 'u32',
} as const;

/** Four int8 products summed, for each of four columns. */
const dots = {
  true: /* wgsl */ `
fn dots(a: u32, b: vec4u) -> vec4i {
  return vec4i(dot4I8Packed(a, b.x), dot4I8Packed(a, b.y), dot4I8Packed(a, b.z), dot4I8Packed(a, b.w));
}
`,
  false: /* wgsl */ `
fn dots(a: u32, b: vec4u) -> vec4i {
  let four = signedBytes(a);
  return vec4i(
    dot(four, signedBytes(b.x)), dot(four, signedBytes(b.y)),
    dot(four, signedBytes(b.z)), dot(four, signedBytes(b.w)),
  );
}
`,
};

/** What becomes of the sums. */
interface Emit<I, O, U> {
  name: string;
  inputs: I;
  outputs: O;
  uniforms: U;
  include?: readonly string[];
  /**
   * `fn emit(section: u32, row: u32, column: u32, sums: vec4i, total: i32)` for the four columns that begin at 4 · column of
   * group `section`: Σ (x - 128) · weight, and Σ (x - 128), 0 where no weight has a zero point. In scope are
   * `channels[4 * (section * u.columns + column) + …]`, the vectors of PackedWeights.
   */
  code: string;
  /** The word that stands for padding, as WGSL: by `xZeroPoint` of runQgemm unless given. */
  padding?: string;
}

type GemmProgram<I, O, U> = Program & {
  readonly inputs: I & { readonly x: 'u32'; readonly weights: 'vec4u'; readonly channels: 'vec4i' };
  readonly outputs: O;
  readonly uniforms: typeof gemmUniforms & U;
};

function gemmOf<
  const I extends Program['inputs'],
  const O extends Program['outputs'],
  const U extends Program['uniforms'],
>(emit: Emit<I, O, U>, side: number, dotProduct: boolean): GemmProgram<I, O, U> {
  // side x side invocations, each with the sums of 4 rows and 4 columns; a step is `side` words deep.
  const four = (line: (i: number) => string) => [0, 1, 2, 3].map(line).join('\n');
  return program({
    name: `${emit.name}, tiles of ${4 * side}`,
    inputs: { ...emit.inputs, x: 'u32', weights: 'vec4u', channels: 'vec4i' },
    outputs: emit.outputs,
    uniforms: { ...gemmUniforms, ...emit.uniforms },
    workgroup: [side, side],
    dotProduct,
    include: [bytes, fourBytes('x'), outputAt, dots[`${dotProduct}`], ...(emit.include ?? [])],
    code: `
// Rows are a word longer than a step, so that lanes that read down a column hit different banks.
var<workgroup> aTile: array<u32, ${4 * side * (side + 1)}>;
var<workgroup> bTile: array<vec4u, ${side * side}>;

// Four channels of a tap of the window, as int8.
fn load(window: vec4i, tap: vec4i) -> u32 {
  let h = window.y + tap.y;
  let w = window.z + tap.z;
  if (h < 0 || h >= u.inHeight || w < 0 || w >= u.inWidth) { return ${emit.padding ?? 'u.padding'}; }
  return xFour(u32(((window.x + h) * u.inWidth + w) * u.inChannels + window.w + tap.w)) ^ ${flip}u;
}
${emit.code}`,
    main: `
  if (group >= u.tiles) { return; }
  let columnTiles = (u.columns + ${side - 1}u) / ${side}u;
  let rowTiles = (u.rows + ${4 * side - 1}u) / ${4 * side}u;
  let column0 = group % columnTiles * ${side}u;
  let row0 = group / columnTiles % rowTiles * ${4 * side}u;
  let section = group / columnTiles / rowTiles;
  // What an invocation stages: a word of four rows, and a word of four columns.
  let across = lane % ${side}u;
  let down = lane / ${side}u;
  // Rows past the end repeat the last one; nothing is stored of them.
${four((i) => `  let window${i} = outputAt(i32(section), i32(min(row0 + down + ${i * side}u, u.rows - 1u)));`)}
${four((i) => `  var sums${i} = vec4i();`)}
  var totals = vec4i();
  for (var begin = 0u; begin < u.words; begin += ${side}u) {
    // Words past the end are staged too, but not used.
    let word = i32(begin + across);
    let tap = word / u.tapWords;
    let right = tap % u.kernelWidth * u.dilationWidth;
    let at = vec4i(0, tap / u.kernelWidth * u.dilationHeight, right, word % u.tapWords * 4);
${four((i) => `    aTile[(down + ${i * side}u) * ${side + 1}u + across] = load(window${i}, at);`)}
    bTile[lane] = weights[(section * u.words + begin + down) * u.columns + column0 + across];
    workgroupBarrier();
    for (var i = 0u; i < min(${side}u, u.words - begin); i++) {
      let b = bTile[i * ${side}u + lid.x];
${four((i) => `      let a${i} = aTile[(4u * lid.y + ${i}u) * ${side + 1}u + i];`)}
${four((i) => `      sums${i} += dots(a${i}, b);`)}
      if (u.affine != 0u) {
        let ones = select(0x01010101u, u.lastOnes, i32(begin + i + 1u) % u.tapWords == 0);
        totals += dots(ones, vec4u(a0, a1, a2, a3));
      }
    }
    workgroupBarrier();
  }
  let row = row0 + 4u * lid.y;
  let column = column0 + lid.x;
  if (column >= u.columns) { return; }
${four((i) => `  if (row + ${i}u < u.rows) { emit(section, row + ${i}u, column, sums${i}, totals[${i}]); }`)}`,
  });
}

/** A product of bytes, in two sizes of tiles, with and without `dot4I8Packed`. */
export interface QGemm<I, O, U> {
  small: Record<`${boolean}`, GemmProgram<I, O, U>>;
  large: Record<`${boolean}`, GemmProgram<I, O, U>>;
}

/**
 * Σ (x - 128) · weight over the window of every output position, for every output channel: a product of matrices in tiles
 * that a workgroup holds in its memory. Convolutions and linear layers are made of it.
 */
export function qgemm<
  const I extends Program['inputs'],
  const O extends Program['outputs'],
  const U extends Program['uniforms'],
>(emit: Emit<I, O, U>): QGemm<I, O, U> {
  const both = (side: number) => ({ true: gemmOf(emit, side, true), false: gemmOf(emit, side, false) });
  return { small: both(8), large: both(16) };
}

/** So many large tiles keep a GPU busy; a product with fewer takes the small ones. */
const busy = 128;

/**
 * Records the product.
 *
 * @param xZeroPoint what stands for the padding, unless the program says it itself
 */
export function runQgemm<
  I extends Program['inputs'],
  O extends Program['outputs'],
  U extends Program['uniforms'],
>(
  gpu: Gpu,
  { small, large }: QGemm<I, O, U>,
  { weights, channels, affine }: PackedWeights,
  buffers: { readonly [N in keyof I | keyof O | 'x']: GpuBuffer | GpuTensor },
  uniforms: { readonly [N in keyof U]: number },
  { xZeroPoint, ...g }: ConvGeometry & { xZeroPoint: number },
): void {
  const { rows, groups } = g;
  const columns = Math.ceil(g.groupOut / 4);
  const tiles = (side: number) => Math.ceil(rows / (4 * side)) * Math.ceil(columns / side) * groups;
  const side = columns >= 16 && tiles(16) >= busy ? 16 : 8;
  const tapWords = Math.ceil(g.groupIn / 4);
  gpu.run<Program>(
    (side === 16 ? large : small)[`${gpu.dotProduct}`],
    { ...buffers, weights, channels },
    {
      ...g,
      ...uniforms,
      tiles: tiles(side),
      columns,
      words: g.kernelHeight * g.kernelWidth * tapWords,
      tapWords,
      padding: ((xZeroPoint ^ 0x80) * 0x01010101) >>> 0,
      affine: affine ? 1 : 0,
      lastOnes: 0x01010101 >>> (8 * (4 * tapWords - g.groupIn)),
    },
    tiles(side),
  );
}
