import type { Gpu } from '../gpu';
import { type GpuTensor, type KernelFamily, size } from '../kernel';
import { program } from '../program';
import { keys } from '../wgsl/keys';
import { extremes } from '../wgsl/two';

const workgroup = 64;

/** How the index [o or 1,m,i or 1] is walked. */
const indexUniforms = { m: 'u32', outerStep: 'u32', step: 'u32', innerStep: 'u32' } as const;
const stepsOf = ({ shape: [outer, m, inner] }: GpuTensor) => ({
  m,
  outerStep: outer === 1 ? 0 : m * inner,
  step: inner,
  innerStep: inner === 1 ? 0 : 1,
});

const gatherElements = program({
  name: 'gather',
  inputs: { x: 'u32', at: 'i32' },
  outputs: { y: 'u32' },
  uniforms: { n: 'u32', inner: 'u32', count: 'u32', missing: 'u32', ...indexUniforms },
  workgroup: [workgroup],
  main: `
  if (index >= u.count) { return; }
  let i = index % u.inner;
  let j = index / u.inner % u.m;
  let o = index / (u.inner * u.m);
  let source = u32(at[o * u.outerStep + j * u.step + i * u.innerStep]);
  var value = u.missing;
  if (source < u.n) { value = x[(o * u.n + source) * u.inner + i]; }
  y[index] = value;`,
});

type Reduce = 'none' | 'add' | 'mul' | 'max' | 'min';
const reductions: Readonly<Record<Reduce, number>> = { none: 0, add: 1, mul: 2, max: 3, min: 4 };

/** An invocation for each column [o,i], which goes along it in order: equal indices combine as on the host. */
const scatterProgram = (element: 'f32' | 'i32') =>
  program({
    name: `scatter ${element}`,
    inputs: { x: element, at: 'i32', src: element },
    outputs: { y: element },
    uniforms: { n: 'u32', inner: 'u32', columns: 'u32', reduce: 'u32', ...indexUniforms },
    workgroup: [workgroup],
    code:
      element === 'i32'
        ? 'fn larger(a: i32, b: i32) -> i32 { return max(a, b); }\nfn smaller(a: i32, b: i32) -> i32 { return min(a, b); }'
        : extremes,
    main: `
  if (index >= u.columns) { return; }
  let i = index % u.inner;
  let o = index / u.inner;
  let first = o * u.n * u.inner + i;
  for (var j = 0u; j < u.n; j++) { y[first + j * u.inner] = x[first + j * u.inner]; }
  for (var j = 0u; j < u.m; j++) {
    let to = u32(at[o * u.outerStep + j * u.step + i * u.innerStep]);
    if (to >= u.n) { continue; }
    let value = src[(o * u.m + j) * u.inner + i];
    let old = y[first + to * u.inner];
    var combined = value;
    if (u.reduce == 1u) { combined = old + value; }
    if (u.reduce == 2u) { combined = old * value; }
    if (u.reduce == 3u) { combined = larger(old, value); }
    if (u.reduce == 4u) { combined = smaller(old, value); }
    y[first + to * u.inner] = combined;
  }`,
  });

const columnUniforms = { n: 'u32', inner: 'u32', columns: 'u32' } as const;
const column = `
  if (index >= u.columns) { return; }
  let first = index / u.inner * u.n * u.inner + index % u.inner;`;

const cumsumProgram = (element: 'f32' | 'i32') =>
  program({
    name: `cumsum ${element}`,
    inputs: { x: element },
    outputs: { y: element },
    uniforms: { ...columnUniforms, reverse: 'u32' },
    workgroup: [workgroup],
    main: `${column}
  var total = ${element}();
  for (var j = 0u; j < u.n; j++) {
    let at = first + select(j, u.n - 1u - j, u.reverse == 1u) * u.inner;
    total += x[at];
    y[at] = total;
  }`,
  });

const products = program({
  name: 'cumprod',
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  uniforms: columnUniforms,
  workgroup: [workgroup],
  main: `${column}
  var product = 1.0;
  for (var j = 0u; j < u.n; j++) {
    product *= x[first + j * u.inner];
    y[first + j * u.inner] = product;
  }`,
});

const productsBackward = program({
  name: 'cumprodBackward',
  inputs: { x: 'f32', y: 'f32', gradY: 'f32' },
  outputs: { gradX: 'f32' },
  uniforms: columnUniforms,
  workgroup: [workgroup],
  main: `${column}
  var sum = 0.0;
  for (var k = 0u; k < u.n; k++) {
    let j = u.n - 1u - k;
    let at = first + j * u.inner;
    if (k > 0u) { sum *= x[at + u.inner]; }
    sum += gradY[at];
    var before = 1.0;
    if (j > 0u) { before = y[at - u.inner]; }
    gradX[at] = before * sum;
  }`,
});

const product = program({
  name: 'prod',
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  uniforms: columnUniforms,
  workgroup: [workgroup],
  main: `${column}
  var product = 1.0;
  for (var j = 0u; j < u.n; j++) { product *= x[first + j * u.inner]; }
  y[index] = product;`,
});

const productBackward = program({
  name: 'prodBackward',
  inputs: { x: 'f32', gradY: 'f32' },
  outputs: { gradX: 'f32' },
  uniforms: { n: 'u32', inner: 'u32', count: 'u32' },
  workgroup: [workgroup],
  main: `
  if (index >= u.count) { return; }
  let i = index % u.inner;
  let j = index / u.inner % u.n;
  let o = index / (u.inner * u.n);
  let first = o * u.n * u.inner + i;
  var product = gradY[o * u.inner + i];
  for (var k = 0u; k < u.n; k++) {
    if (k != j) { product *= x[first + k * u.inner]; }
  }
  gradX[index] = product;`,
});

/** Each element counts those that come before it: that is its place. */
const sortProgram = (kind: 'float' | 'int') =>
  program({
    name: `argsort of ${kind}`,
    inputs: { x: 'u32' },
    outputs: { y: 'i32' },
    uniforms: { n: 'u32', inner: 'u32', count: 'u32', descending: 'u32' },
    workgroup: [workgroup],
    include: [keys[kind]],
    main: `
  if (index >= u.count) { return; }
  let j = index / u.inner % u.n;
  let first = index / (u.inner * u.n) * u.n * u.inner + index % u.inner;
  let own = sortKey(x[index]);
  var place = 0u;
  for (var k = 0u; k < u.n; k++) {
    let other = sortKey(x[first + k * u.inner]);
    let earlier = select((other < own), (other > own), u.descending == 1u) || (other == own && k < j);
    place += select(0u, 1u, earlier);
  }
  y[first + place * u.inner] = i32(j);`,
  });

const scatters = { float32: scatterProgram('f32'), int32: scatterProgram('i32') };
const cumsums = { float32: cumsumProgram('f32'), int32: cumsumProgram('i32') };
const sorts = { float32: sortProgram('float'), int32: sortProgram('int') };
type Word = 'float32' | 'int32';

function columnsOf({ shape: [outer, n, inner] }: GpuTensor) {
  const columns = outer * inner;
  return [{ n, inner, columns }, Math.ceil(columns / workgroup)] as const;
}

function elementsOf(x: GpuTensor) {
  const [, n, inner] = x.shape;
  const count = size(x);
  return [{ n, inner, count }, Math.ceil(count / workgroup)] as const;
}

/** An index outside of the axis gives NaN (of integers 0), and nothing scattered: no error can be thrown from the GPU. */
export const indexing: KernelFamily<
  'gather' | 'scatter' | 'cumsum' | 'cumprod' | 'cumprodBackward' | 'prod' | 'prodBackward' | 'argsort'
> = (gpu: Gpu) => ({
  gather({ x, index, y }) {
    const [, n, inner] = x.shape;
    const count = size(y);
    const missing = x.dtype === 'int32' ? 0 : 0x7fc00000;
    const uniforms = { n, inner, count, missing, ...stepsOf(index) };
    gpu.run(gatherElements, { x, at: index, y }, uniforms, Math.ceil(count / workgroup));
  },
  scatter({ x, index, src, y }, { reduce }) {
    const [uniforms, groups] = columnsOf(y);
    gpu.run(
      scatters[y.dtype as Word],
      { x, at: index, src, y },
      { ...uniforms, reduce: reductions[reduce], ...stepsOf(index) },
      groups,
    );
  },
  cumsum({ x, y }, { reverse }) {
    const [uniforms, groups] = columnsOf(x);
    gpu.run(cumsums[x.dtype as Word], { x, y }, { ...uniforms, reverse: Number(reverse) }, groups);
  },
  cumprod: ({ x, y }) => gpu.run(products, { x, y }, ...columnsOf(x)),
  cumprodBackward: ({ x, y, gradY, gradX }) =>
    gpu.run(productsBackward, { x, y, gradY, gradX }, ...columnsOf(x)),
  prod: ({ x, y }) => gpu.run(product, { x, y }, ...columnsOf(x)),
  prodBackward: ({ x, gradY, gradX }) => gpu.run(productBackward, { x, gradY, gradX }, ...elementsOf(x)),
  argsort({ x, y }, { descending }) {
    const [uniforms, groups] = elementsOf(x);
    gpu.run(sorts[x.dtype as Word], { x, y }, { ...uniforms, descending: Number(descending) }, groups);
  },
});
