import type { GpuTensor } from '../kernel';
import { type Program, program } from '../program';

const workgroup = 64;

const rowUniforms = {
  n: 'u32',
  inner: 'u32',
  count: 'u32',
  rows: 'u32',
  chunk: 'u32',
  chunks: 'u32',
} as const satisfies Program['uniforms'];

interface RowProgram<I, O, U> {
  name: string;
  inputs: I;
  outputs: O;
  uniforms?: U;
  include: readonly string[];
  main: string;
}

/**
 * A program over the rows of x [o,n,i], cut into chunks. Each workgroup has `u.rows` neighbours of [o,chunks,i], so that
 * lanes read side by side, and the lanes of a row take turns at its elements.
 *
 * `main` has `row`, the number of the row (rows from `u.count` on don't exist), `first`, this lane's first element, `end`,
 * `step` to its next, and `isFirst`, which one lane of each row that exists is. All lanes get to its end: `reduce` wants them.
 */
export function rowProgram<
  const I extends Program['inputs'],
  const O extends Program['outputs'],
  // biome-ignore lint/complexity/noBannedTypes: no uniforms of its own
  const U extends Program['uniforms'] = {},
>({ name, inputs, outputs, uniforms = {} as U, include, main }: RowProgram<I, O, U>) {
  return program({
    name,
    inputs,
    outputs,
    uniforms: { ...rowUniforms, ...uniforms },
    include,
    workgroup: [workgroup],
    main: `
  let row = group * u.rows + lane % u.rows;
  let skipped = row / u.inner % u.chunks * u.chunk;
  let start = (row / (u.inner * u.chunks) * u.n + skipped) * u.inner + row % u.inner;
  let first = start + lane / u.rows * u.inner;
  let end = select(first, start + min(u.chunk, u.n - skipped) * u.inner, row < u.count);
  let step = groupSize / u.rows * u.inner;
  let isFirst = lane < u.rows && row < u.count;
${main}`,
  });
}

/** The uniforms of a row program for x [o,n,i], and the number of workgroups. */
export function planRows({ shape: [outer, n, inner] }: Pick<GpuTensor, 'shape'>, chunk = n) {
  const rows = Math.min(workgroup, 2 ** Math.ceil(Math.log2(Math.max(inner, 1))));
  const chunks = Math.max(1, Math.ceil(n / Math.max(chunk, 1)));
  const count = outer * chunks * inner;
  return [{ n, inner, count, rows, chunk, chunks }, Math.ceil(count / rows)] as const;
}

/** A length of chunks that gives each lane so many elements. */
export function chunkOf({ shape: [, , inner] }: Pick<GpuTensor, 'shape'>, perLane: number): number {
  const [{ rows }] = planRows({ shape: [1, 1, inner] });
  return perLane * (workgroup / rows);
}
