import type { Gpu } from '../gpu';
import type { KernelFamily } from '../kernel';
import { type Bound, boundsOf, type GemmSizes, gemm, type Operand, runGemm, unbounded } from '../wgsl/gemm';

type Along = Operand['along'];

/** A matrix as a product sees it, in elements: how far from batch to batch, from line to line, from depth to depth. */
export interface Strides {
  batch: number;
  line: number;
  depth: number;
}

const strided = (name: string, along: Along): Operand => ({
  along,
  lineOf: `vec4i(batch * u.${name}Batch + line * u.${name}Line, 0, 0, 0)`,
  depthOf: `vec4i(depth * u.${name}Depth, 0, 0, 0)`,
  load: `${name}[line.x + depth.x]`,
});

const product = (a: Along, b: Along) =>
  gemm({
    name: `matmul, a along its ${a}, b along its ${b}`,
    inputs: { a: 'f32', b: 'f32', bias: 'f32' },
    uniforms: {
      aBatch: 'i32',
      aLine: 'i32',
      aDepth: 'i32',
      bBatch: 'i32',
      bLine: 'i32',
      bDepth: 'i32',
      biased: 'u32',
    },
    a: strided('a', a),
    b: strided('b', b),
    place: '(batch * i32(u.rows) + row) * i32(u.columns) + column',
    start: 'select(0.0, bias[column], u.biased != 0u)',
  });

const products = {
  depth: { depth: product('depth', 'depth'), line: product('depth', 'line') },
  line: { depth: product('line', 'depth'), line: product('line', 'line') },
};

const alongOf = ({ depth }: Strides): Along => (depth === 1 ? 'depth' : 'line');

/** y [batches,rows,columns] = a · b (+ bias), clamped, dense, of matrices in any order. */
export function multiply(
  gpu: Gpu,
  { a, b, bias, y }: { a: Bound; b: Bound; bias?: Bound | undefined; y: Bound },
  aStrides: Strides,
  bStrides: Strides,
  sizes: GemmSizes,
  bounds = unbounded,
): void {
  runGemm(
    gpu,
    products[alongOf(aStrides)][alongOf(bStrides)],
    // Something must be bound where there is no bias.
    { a, b, bias: bias ?? b },
    y,
    {
      aBatch: aStrides.batch,
      aLine: aStrides.line,
      aDepth: aStrides.depth,
      bBatch: bStrides.batch,
      bLine: bStrides.line,
      bDepth: bStrides.depth,
      biased: bias ? 1 : 0,
    },
    sizes,
    bounds,
  );
}

export const matmul: KernelFamily<'matmul' | 'linear'> = (gpu) => ({
  matmul({ a, b, y }, { transposeA, transposeB, clamp }) {
    const [batches, rows, columns] = y.shape;
    const depth = a.shape[transposeA ? 1 : 2];
    const strides = (matrix: { shape: readonly number[] }, lines: number, depthFirst: boolean): Strides => ({
      batch: matrix.shape[0] > 1 ? lines * depth : 0,
      line: depthFirst ? 1 : depth,
      depth: depthFirst ? lines : 1,
    });
    multiply(
      gpu,
      { a, b, y },
      strides(a, rows, transposeA),
      strides(b, columns, !transposeB),
      { batches, rows, columns, depth },
      boundsOf(clamp),
    );
  },

  linear({ x, weight, bias, y }, { clamp }) {
    const [rows, depth] = x.shape;
    const [columns] = weight.shape;
    multiply(
      gpu,
      { a: x, b: weight, bias, y },
      { batch: 0, line: depth, depth: 1 },
      { batch: 0, line: depth, depth: 1 },
      { batches: 1, rows, columns, depth },
      boundsOf(clamp),
    );
  },
});
