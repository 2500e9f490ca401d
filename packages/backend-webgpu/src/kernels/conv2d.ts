import { type Conv2dAttrs, type ConvGeometry, convGeometry, isPointwise } from '@octet/backend';
import type { Gpu } from '../gpu';
import { type GpuTensor, type KernelFamily, size } from '../kernel';
import { program } from '../program';
import { boundsOf, gemm, inParts, runGemm } from '../wgsl/gemm';
import { bounded } from '../wgsl/special';
import { multiply } from './matmul';

/** The sizes of a convolution. */
export const windowUniforms = {
  inHeight: 'i32',
  inWidth: 'i32',
  inChannels: 'i32',
  outHeight: 'i32',
  outWidth: 'i32',
  outChannels: 'i32',
  kernelHeight: 'i32',
  kernelWidth: 'i32',
  strideHeight: 'i32',
  strideWidth: 'i32',
  padHeight: 'i32',
  padWidth: 'i32',
  dilationHeight: 'i32',
  dilationWidth: 'i32',
  groupIn: 'i32',
  groupOut: 'i32',
  patchSize: 'i32',
} as const satisfies Partial<Record<keyof ConvGeometry, 'i32'>>;

/** Where the window of an output position begins: its image's first row, row and column in it, first channel. */
export const outputAt = /* wgsl */ `
fn outputAt(group: i32, position: i32) -> vec4i {
  let row = position / u.outWidth;
  let top = row % u.outHeight * u.strideHeight - u.padHeight;
  let left = position % u.outWidth * u.strideWidth - u.padWidth;
  return vec4i(row / u.outHeight * u.inHeight, top, left, group * u.groupIn);
}
`;

// The columns of im2col, found when they are asked for. A place is an image, and where in it; a step leads from there to
// one element of the patch.
const patches = /* wgsl */ `${outputAt}
fn patchStep(element: i32) -> vec4i {
  let tap = element / u.groupIn;
  let down = tap / u.kernelWidth * u.dilationHeight;
  let right = tap % u.kernelWidth * u.dilationWidth;
  return vec4i(down, right, element % u.groupIn, 0);
}
fn inPatch(place: vec4i, step: vec4i) -> f32 {
  let h = place.y + step.x;
  let w = place.z + step.y;
  if (h < 0 || h >= u.inHeight || w < 0 || w >= u.inWidth) { return 0.0; }
  return x[((place.x + h) * u.inWidth + w) * u.inChannels + place.w + step.z];
}
`;

// The output of the product is [position, channel] with all groups side by side.
const forward = gemm({
  name: 'conv2d',
  inputs: { x: 'f32', weight: 'f32', bias: 'f32' },
  uniforms: { ...windowUniforms, biased: 'u32' },
  include: [patches],
  a: {
    along: 'depth',
    lineOf: 'outputAt(batch, line)',
    depthOf: 'patchStep(depth)',
    load: 'inPatch(line, depth)',
  },
  b: {
    along: 'depth',
    lineOf: 'vec4i((batch * u.groupOut + line) * u.patchSize, 0, 0, 0)',
    depthOf: 'vec4i(depth, 0, 0, 0)',
    load: 'weight[line.x + depth.x]',
  },
  place: 'row * u.outChannels + batch * u.groupOut + column',
  start: 'select(0.0, bias[batch * u.groupOut + column], u.biased != 0u)',
});

// The output position whose window has a step that ends at the place, or -1: (at - step) / stride, where that is whole.
const upstream = /* wgsl */ `
fn inverse(at: i32, stride: i32, length: i32) -> i32 {
  var position = at;
  if (stride > 1) {
    if (at % stride != 0) { return -1; }
    position = at / stride;
  }
  return select(position, -1, position >= length);
}
`;

// Elements of x are lines; those of the patch of gradY that reach them, [tap, channel of the group], are the depth.
const backwardInput = gemm({
  name: 'conv2dBackwardInput',
  inputs: { gradY: 'f32', weight: 'f32', bias: 'f32' },
  uniforms: { ...windowUniforms, biased: 'u32' },
  include: [
    upstream,
    /* wgsl */ `
fn inputAt(group: i32, position: i32) -> vec4i {
  let row = position / u.inWidth;
  return vec4i(
    row / u.inHeight * u.outHeight,
    row % u.inHeight + u.padHeight,
    position % u.inWidth + u.padWidth,
    group * u.groupOut,
  );
}
fn tapStep(element: i32) -> vec4i {
  let tap = element / u.groupOut;
  let down = tap / u.kernelWidth * u.dilationHeight;
  let right = tap % u.kernelWidth * u.dilationWidth;
  return vec4i(down, right, element % u.groupOut, 0);
}
fn reaching(place: vec4i, step: vec4i) -> f32 {
  let h = inverse(place.y - step.x, u.strideHeight, u.outHeight);
  let w = inverse(place.z - step.y, u.strideWidth, u.outWidth);
  if (h < 0 || w < 0) { return 0.0; }
  return gradY[((place.x + h) * u.outWidth + w) * u.outChannels + place.w + step.z];
}
`,
  ],
  a: {
    along: 'depth',
    lineOf: 'inputAt(batch, line)',
    depthOf: 'tapStep(depth)',
    load: 'reaching(line, depth)',
  },
  b: {
    along: 'line',
    lineOf: 'vec4i(line, 0, 0, 0)',
    depthOf:
      'vec4i((batch * u.groupOut + depth % u.groupOut) * u.patchSize + depth / u.groupOut * u.groupIn, 0, 0, 0)',
    load: 'weight[line.x + depth.x]',
  },
  place: 'row * u.inChannels + batch * u.groupIn + column',
  start: 'select(0.0, bias[batch * u.groupIn + column], u.biased != 0u)',
});

// Output channels by elements of the patch; the output positions of all images are the depth.
const backwardWeight = gemm({
  name: 'conv2dBackwardWeight',
  inputs: { x: 'f32', gradY: 'f32' },
  uniforms: windowUniforms,
  include: [patches],
  a: {
    along: 'line',
    lineOf: 'vec4i(batch * u.groupOut + line, 0, 0, 0)',
    depthOf: 'vec4i(depth * u.outChannels, 0, 0, 0)',
    load: 'gradY[line.x + depth.x]',
  },
  b: {
    along: 'line',
    lineOf: 'patchStep(line)',
    depthOf: 'outputAt(batch, depth)',
    load: 'inPatch(depth, line)',
  },
  place: '(batch * u.groupOut + row) * u.patchSize + column',
});

/**
 * Whether a convolution has so few channels a group, one as a rule, that a product of matrices for each would leave most of
 * its tiles empty.
 */
export function isNarrow({
  groups,
  groupIn,
  groupOut,
}: Pick<ConvGeometry, 'groups' | 'groupIn' | 'groupOut'>) {
  return groups > 1 && groupIn <= 8 && groupOut <= 8;
}

// One output an invocation; neighbours are channels.
const narrow = program({
  name: 'conv2d, narrow groups',
  inputs: { x: 'f32', weight: 'f32', bias: 'f32' },
  outputs: { y: 'f32' },
  uniforms: { ...windowUniforms, size: 'u32', biased: 'u32', low: 'f32', high: 'f32' },
  workgroup: [64],
  include: [patches, bounded],
  main: `
  if (index >= u.size) { return; }
  let channel = i32(index) % u.outChannels;
  let place = outputAt(channel / u.groupOut, i32(index) / u.outChannels);
  var sum = select(0.0, bias[channel], u.biased != 0u);
  var tap = channel * u.patchSize;
  for (var down = 0; down < u.kernelHeight; down++) {
    for (var right = 0; right < u.kernelWidth; right++) {
      for (var i = 0; i < u.groupIn; i++) {
        sum += weight[tap] * inPatch(place, vec4i(down * u.dilationHeight, right * u.dilationWidth, i, 0));
        tap++;
      }
    }
  }
  y[index] = bounded(sum, u.low, u.high);`,
});

const narrowBackwardInput = program({
  name: 'conv2dBackwardInput, narrow groups',
  inputs: { gradY: 'f32', weight: 'f32', bias: 'f32' },
  outputs: { gradX: 'f32' },
  uniforms: { ...windowUniforms, size: 'u32', biased: 'u32' },
  workgroup: [64],
  include: [upstream],
  main: `
  if (index >= u.size) { return; }
  let channel = i32(index) % u.inChannels;
  let position = i32(index) / u.inChannels;
  let row = position / u.inWidth;
  let top = row % u.inHeight + u.padHeight;
  let left = position % u.inWidth + u.padWidth;
  let image = row / u.inHeight * u.outHeight;
  let first = channel / u.groupIn * u.groupOut;
  var sum = select(0.0, bias[channel], u.biased != 0u);
  for (var down = 0; down < u.kernelHeight; down++) {
    let h = inverse(top - down * u.dilationHeight, u.strideHeight, u.outHeight);
    if (h < 0) { continue; }
    for (var right = 0; right < u.kernelWidth; right++) {
      let w = inverse(left - right * u.dilationWidth, u.strideWidth, u.outWidth);
      if (w < 0) { continue; }
      let tap = (down * u.kernelWidth + right) * u.groupIn + channel % u.groupIn;
      let at = ((image + h) * u.outWidth + w) * u.outChannels;
      for (var o = first; o < first + u.groupOut; o++) { sum += weight[o * u.patchSize + tap] * gradY[at + o]; }
    }
  }
  gradX[index] = sum;`,
});

// One weight and one part of the output's rows an invocation; neighbours are channels.
const narrowBackwardWeight = program({
  name: 'conv2dBackwardWeight, narrow groups',
  inputs: { x: 'f32', gradY: 'f32' },
  outputs: { gradWeight: 'f32' },
  uniforms: { ...windowUniforms, size: 'i32', rows: 'i32', chunk: 'i32', parts: 'i32' },
  workgroup: [64],
  include: [patches],
  main: `
  let part = i32(index) / u.size;
  if (part >= u.parts) { return; }
  let channel = i32(index) % u.outChannels;
  let element = i32(index) % u.size / u.outChannels;
  let step = patchStep(element);
  var sum = 0.0;
  for (var row = part * u.chunk; row < min((part + 1) * u.chunk, u.rows); row++) {
    var place = outputAt(channel / u.groupOut, row * u.outWidth);
    for (var w = 0; w < u.outWidth; w++) {
      sum += gradY[(row * u.outWidth + w) * u.outChannels + channel] * inPatch(place, step);
      place.z += u.strideWidth;
    }
  }
  gradWeight[part * u.size + channel * u.patchSize + element] = sum;`,
});

/** So many invocations keep a GPU busy; with fewer weights, several share one. */
const busy = 32768;

function transposed(
  gpu: Gpu,
  { x, weight, bias, y }: Record<'x' | 'weight' | 'y', GpuTensor> & { bias: GpuTensor | undefined },
  attrs: Conv2dAttrs,
): void {
  // The convolution whose input is y.
  const g = convGeometry(y, weight, x, attrs);
  const positions = g.batch * g.inHeight * g.inWidth;
  const bound = { gradY: x, weight, bias: bias ?? weight };
  const biased = bias ? 1 : 0;
  if (isNarrow(g)) {
    const uniforms = { ...g, size: size(y), biased };
    gpu.run(narrowBackwardInput, { ...bound, gradX: y }, uniforms, Math.ceil(size(y) / 64));
  } else if (isPointwise(g) && !bias) {
    multiply(
      gpu,
      { a: x, b: weight, y },
      { batch: 0, line: g.outChannels, depth: 1 },
      { batch: 0, line: 1, depth: g.inChannels },
      { batches: 1, rows: positions, columns: g.inChannels, depth: g.outChannels },
    );
  } else {
    const depth = g.kernelHeight * g.kernelWidth * g.groupOut;
    const sizes = { batches: attrs.groups, rows: positions, columns: g.groupIn, depth };
    runGemm(gpu, backwardInput, bound, y, { ...g, biased }, sizes);
  }
}

export const conv2d: KernelFamily<
  'conv2d' | 'conv2dBackwardInput' | 'conv2dBackwardWeight' | 'convTranspose2d'
> = (gpu) => ({
  conv2d({ x, weight, bias, y }, attrs) {
    const g = convGeometry(x, weight, y, attrs);
    const inputs = { x, weight, bias: bias ?? weight };
    const biased = bias ? 1 : 0;
    const { groups: batches } = attrs;
    const bounds = boundsOf(attrs.clamp);
    if (isNarrow(g)) {
      const uniforms = { ...g, size: size(y), biased, ...bounds };
      gpu.run(narrow, { ...inputs, y }, uniforms, Math.ceil(size(y) / 64));
    } else if (isPointwise(g)) {
      multiply(
        gpu,
        { a: x, b: weight, bias, y },
        { batch: 0, line: g.inChannels, depth: 1 },
        { batch: 0, line: g.inChannels, depth: 1 },
        { batches: 1, rows: g.rows, columns: g.outChannels, depth: g.inChannels },
        bounds,
      );
    } else {
      runGemm(
        gpu,
        forward,
        inputs,
        y,
        { ...g, biased },
        { batches, rows: g.rows, columns: g.groupOut, depth: g.patchSize },
        bounds,
      );
    }
  },

  conv2dBackwardInput({ gradY, weight, gradX }, attrs) {
    transposed(gpu, { x: gradY, weight, bias: undefined, y: gradX }, attrs);
  },

  convTranspose2d({ x, weight, bias, y }, attrs) {
    transposed(gpu, { x, weight, bias, y }, attrs);
  },

  conv2dBackwardWeight({ x, gradY, gradWeight }, attrs) {
    const g = convGeometry(x, gradWeight, gradY, attrs);
    const rows = g.batch * g.outHeight;
    if (isNarrow(g)) {
      const count = size(gradWeight);
      const chunk = Math.max(1, Math.ceil(rows / Math.max(1, Math.floor(busy / count))));
      const parts = Math.max(1, Math.ceil(rows / chunk));
      inParts(gpu, gradWeight, count, parts, (to) => {
        const bound = { x, gradY, gradWeight: to };
        gpu.run(
          narrowBackwardWeight,
          bound,
          { ...g, size: count, rows, chunk, parts },
          Math.ceil((count * parts) / 64),
        );
      });
    } else if (isPointwise(g)) {
      multiply(
        gpu,
        { a: gradY, b: x, y: gradWeight },
        { batch: 0, line: 1, depth: g.outChannels },
        { batch: 0, line: 1, depth: g.inChannels },
        { batches: 1, rows: g.outChannels, columns: g.inChannels, depth: g.rows },
      );
    } else {
      const sizes = { batches: attrs.groups, rows: g.groupOut, columns: g.patchSize, depth: g.rows };
      runGemm(gpu, backwardWeight, { x, gradY }, gradWeight, g, sizes);
    }
  },
});
