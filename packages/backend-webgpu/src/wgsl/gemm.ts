import type { Clamp } from '@octet/backend';
import type { GpuBuffer } from '../buffers';
import type { Gpu } from '../gpu';
import type { GpuTensor } from '../kernel';
import { type Program, program, type UniformType, type WgslElement } from '../program';
import { bounded } from './special';

/** Uniforms: what an output is clamped to, infinities for nothing. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}

export const unbounded: Bounds = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

export function boundsOf(clamp: Clamp | undefined): Bounds {
  return clamp ? { low: clamp[0], high: clamp[1] } : unbounded;
}

/** What a program's buffers are given by. */
export type Bound = GpuBuffer | GpuTensor;

/**
 * One operand of y[row, column] = Σ_depth a(row, depth) · b(column, depth): WGSL that finds its elements. `lineOf` is
 * worked out once for each of a tile's rows (or columns), `depthOf` once for each step, `load` joins the two.
 */
export interface Operand {
  /** In which direction neighbours lie beside each other in memory; lanes go the same way. */
  along: 'line' | 'depth';
  /** WGSL expression of `batch: i32` and `line: i32`: a vec4i. */
  lineOf: string;
  /** WGSL expression of `batch: i32` and `depth: i32`: a vec4i. */
  depthOf: string;
  /** WGSL expression of those two, `line` and `depth`: an f32. */
  load: string;
}

interface GemmOptions<I, U> {
  name: string;
  inputs: I;
  uniforms: U;
  include?: readonly string[];
  a: Operand;
  b: Operand;
  /** WGSL expression of `batch: i32`, `row: i32` and `column: i32`: the element's place in y. */
  place: string;
  /** WGSL expression of `batch: i32` and `column: i32`: what the sum begins with. */
  start?: string;
}

const gemmUniforms = {
  rows: 'u32',
  columns: 'u32',
  depth: 'u32',
  batches: 'u32',
  chunk: 'u32',
  size: 'u32',
  groups: 'u32',
  low: 'f32',
  high: 'f32',
} as const;

type GemmProgram<I, U> = Omit<Program, 'inputs' | 'outputs' | 'uniforms'> & {
  readonly inputs: I;
  readonly outputs: { readonly y: 'f32' };
  readonly uniforms: U & typeof gemmUniforms;
};

/** A product in two sizes of tiles. */
export interface Gemm<I, U> {
  /** 32 x 32 outputs a workgroup */
  small: GemmProgram<I, U>;
  /** 64 x 64 */
  large: GemmProgram<I, U>;
}

const operand = (name: string, { lineOf, depthOf, load }: Operand) => `
fn ${name}LineOf(batch: i32, line: i32) -> vec4i { return ${lineOf}; }
fn ${name}DepthOf(batch: i32, depth: i32) -> vec4i { return ${depthOf}; }
fn ${name}Load(line: vec4i, depth: vec4i) -> f32 { return ${load}; }
`;

/** Where in the tile an invocation stages its four elements: four lines at one depth. */
const staging = (name: string, { along }: Operand, lines: 'rows' | 'columns', side: number) => `
  let ${name}Quad = ${along === 'line' ? `lane % ${side}u` : `lane / ${side}u`};
  let ${name}Deep = ${along === 'line' ? `lane / ${side}u` : `lane % ${side}u`};
  let ${name}First = ${lines === 'rows' ? 'row0' : 'column0'} + 4u * ${name}Quad;
  // Lines past the end repeat the last one; nothing is stored of them.
  let ${name}Line0 = ${name}LineOf(batch, i32(min(${name}First, u.${lines} - 1u)));
  let ${name}Line1 = ${name}LineOf(batch, i32(min(${name}First + 1u, u.${lines} - 1u)));
  let ${name}Line2 = ${name}LineOf(batch, i32(min(${name}First + 2u, u.${lines} - 1u)));
  let ${name}Line3 = ${name}LineOf(batch, i32(min(${name}First + 3u, u.${lines} - 1u)));`;

const stage = (name: string, side: number) => `
    var ${name}Four = vec4f();
    if (next + ${name}Deep < end) {
      let at = ${name}DepthOf(batch, i32(next + ${name}Deep));
      ${name}Four = vec4f(
        ${name}Load(${name}Line0, at), ${name}Load(${name}Line1, at),
        ${name}Load(${name}Line2, at), ${name}Load(${name}Line3, at),
      );
    }
    ${name}Tile[${name}Deep * ${side + 1}u + ${name}Quad] = ${name}Four;`;

function gemmOf<const I extends Program['inputs'], const U extends Program['uniforms']>(
  { name, inputs, uniforms, include = [], a, b, place, start = '0.0' }: GemmOptions<I, U>,
  side: number,
): GemmProgram<I, U> {
  // side x side invocations; each stages a quad of either operand a step, and holds 4 x 4 sums.
  const edge = 4 * side;
  return program({
    name: `${name}, tiles of ${edge}`,
    inputs,
    outputs: { y: 'f32' },
    uniforms: { ...uniforms, ...gemmUniforms },
    workgroup: [side, side],
    include: [...include, bounded],
    code: `
// A quad more in each line, so that lanes that store down a column hit different banks.
var<workgroup> aTile: array<vec4f, ${side * (side + 1)}>;
var<workgroup> bTile: array<vec4f, ${side * (side + 1)}>;
${operand('a', a)}${operand('b', b)}
fn startOf(batch: i32, column: i32) -> f32 { return ${start}; }
fn placeOf(batch: i32, row: i32, column: i32) -> i32 { return ${place}; }
fn store(split: u32, batch: i32, row: u32, column: u32, sums: vec4f) {
  if (row >= u.rows) { return; }
  for (var i = 0u; i < min(4u, u.columns - column); i++) {
    let at = split * u.size + u32(placeOf(batch, i32(row), i32(column + i)));
    y[at] = bounded(sums[i], u.low, u.high);
  }
}`,
    main: `
  if (group >= u.groups) { return; }
  let columnTiles = (u.columns + ${edge - 1}u) / ${edge}u;
  let rowTiles = (u.rows + ${edge - 1}u) / ${edge}u;
  let column0 = group % columnTiles * ${edge}u;
  let row0 = group / columnTiles % rowTiles * ${edge}u;
  let layer = group / columnTiles / rowTiles;
  let batch = i32(layer % u.batches);
  let split = layer / u.batches;
  let end = min((split + 1u) * u.chunk, u.depth);
  ${staging('a', a, 'rows', side)}
  ${staging('b', b, 'columns', side)}
  let row = row0 + 4u * lid.y;
  let column = column0 + 4u * lid.x;
  var sums0 = vec4f();
  if (split == 0u) {
    for (var i = 0u; i < 4u; i++) { sums0[i] = startOf(batch, i32(min(column + i, u.columns - 1u))); }
  }
  var sums1 = sums0;
  var sums2 = sums0;
  var sums3 = sums0;
  for (var next = split * u.chunk; next < end; next += ${side}u) {
    ${stage('a', side)}
    ${stage('b', side)}
    workgroupBarrier();
    for (var i = 0u; i < ${side}u; i++) {
      let aFour = aTile[i * ${side + 1}u + lid.y];
      let bFour = bTile[i * ${side + 1}u + lid.x];
      sums0 += aFour.x * bFour;
      sums1 += aFour.y * bFour;
      sums2 += aFour.z * bFour;
      sums3 += aFour.w * bFour;
    }
    workgroupBarrier();
  }
  if (column >= u.columns) { return; }
  store(split, batch, row, column, sums0);
  store(split, batch, row + 1u, column, sums1);
  store(split, batch, row + 2u, column, sums2);
  store(split, batch, row + 3u, column, sums3);`,
  });
}

/**
 * y[row, column] = Σ_depth a(row, depth) · b(column, depth) for each batch, in tiles that a workgroup holds in its memory.
 * The operands say what the product is: a matrix product, a convolution, one of its gradients.
 */
export function gemm<const I extends Program['inputs'], const U extends Program['uniforms']>(
  options: GemmOptions<I, U>,
): Gemm<I, U> {
  return { small: gemmOf(options, 8), large: gemmOf(options, 16) };
}

const sumParts = program({
  name: 'sum of parts',
  inputs: { parts: 'f32' },
  outputs: { y: 'f32' },
  uniforms: { size: 'u32', count: 'u32', low: 'f32', high: 'f32' },
  workgroup: [64],
  include: [bounded],
  main: `
  if (index >= u.size) { return; }
  var sum = 0.0;
  for (var i = 0u; i < u.count; i++) { sum += parts[i * u.size + index]; }
  y[index] = bounded(sum, u.low, u.high);`,
});

/**
 * Computes `y` of `size` elements in one part, or in several that are then added up, always in the same order.
 *
 * @param compute writes its parts one after the other, clamped to what it is told: only whole sums are clamped
 */
export function inParts(
  gpu: Gpu,
  y: Bound,
  size: number,
  count: number,
  compute: (y: Bound, bounds: Bounds) => void,
  bounds = unbounded,
): void {
  const parts = count > 1 ? gpu.scratch(4 * size * count) : y;
  compute(parts, count === 1 ? bounds : unbounded);
  if (count === 1) return;
  gpu.run(sumParts, { parts, y }, { size, count, ...bounds }, Math.ceil(size / 64));
}

/** Sizes of a product: y has `batches` times `rows` by `columns` elements, each a sum of `depth` products. */
export interface GemmSizes {
  rows: number;
  columns: number;
  depth: number;
  batches: number;
}

/** So many workgroups keep a GPU busy; a product with fewer tiles splits its sums among more, if they are long. */
const busy = 128;
const shortestSum = 256;

/** Records the product, clamped. Small ones take the small tiles, few long sums are split among workgroups. */
export function runGemm<I extends Record<string, WgslElement>, U extends Record<string, UniformType>>(
  gpu: Gpu,
  { small, large }: Gemm<I, U>,
  inputs: { readonly [N in keyof I]: Bound },
  y: Bound,
  uniforms: { readonly [N in keyof U]: number },
  { rows, columns, depth, batches }: GemmSizes,
  bounds = unbounded,
): void {
  const chosen = Math.min(rows, columns) > 32 ? large : small;
  const edge = 4 * chosen.workgroup[0];
  const tiles = Math.ceil(rows / edge) * Math.ceil(columns / edge) * batches;
  const wanted = Math.max(1, Math.min(Math.floor(busy / tiles), Math.floor(depth / shortestSum)));
  const chunk = Math.max(16, Math.ceil(depth / wanted / 16) * 16);
  const splits = Math.max(1, Math.ceil(depth / chunk));
  const size = rows * columns * batches;
  if (size === 0) return;
  const groups = tiles * splits;
  const sizes = { rows, columns, depth, batches, chunk, size, groups };
  inParts(
    gpu,
    y,
    size,
    splits,
    (parts, clamped) =>
      gpu.run(chosen, { ...inputs, y: parts }, { ...uniforms, ...sizes, ...clamped }, groups),
    bounds,
  );
}
