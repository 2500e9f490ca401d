import { type GpuTensor, type KernelFamily, size } from '../kernel';
import { program } from '../program';
import { isNan } from '../wgsl/special';
import {
  averageUniforms,
  averageWindows,
  noWindow,
  type PoolWindow,
  poolSizes,
  poolUniforms,
} from '../wgsl/windows';

// One element an invocation in all of these; neighbours are channels.
const workgroup = [64] as const;
const groupsOf = (t: GpuTensor) => Math.ceil(size(t) / workgroup[0]);

const maxPool2d = program({
  name: 'maxPool2d',
  inputs: { x: 'f32' },
  outputs: { y: 'f32', indices: 'i32' },
  uniforms: { ...poolUniforms, size: 'u32', dilationHeight: 'u32', dilationWidth: 'u32' },
  workgroup,
  include: [isNan],
  main: `
  if (index >= u.size) { return; }
  let channel = index % u.inChannels;
  let position = index / u.inChannels;
  let row = position / u.outWidth;
  let image = row / u.outHeight * u.inHeight;
  var best = 0.0;
  var at = -1;
  for (var down = 0u; down < u.kernelHeight; down++) {
    // Above the image, wraps to beyond it.
    let h = row % u.outHeight * u.strideHeight + down * u.dilationHeight - u.padHeight;
    if (h >= u.inHeight) { continue; }
    for (var right = 0u; right < u.kernelWidth; right++) {
      let w = position % u.outWidth * u.strideWidth + right * u.dilationWidth - u.padWidth;
      if (w >= u.inWidth) { continue; }
      let v = x[((image + h) * u.inWidth + w) * u.inChannels + channel];
      if (at < 0 || isNan(v) || (v > best && !isNan(best))) {
        best = v;
        at = i32(h * u.inWidth + w);
      }
    }
  }
  y[index] = best;
  indices[index] = at;`,
});

// The windows of the pool are unknown here, but the indices tell what they reach. Two steps find for each row of gradX
// the first and the last row of gradY that has an index in it (for columns alike); the third looks only there.
const imageUniforms = {
  inHeight: 'u32',
  inWidth: 'u32',
  inChannels: 'u32',
  outHeight: 'u32',
  outWidth: 'u32',
} as const;

// The first and the last row of gradX that a row of gradY names: a workgroup for each row, then for each column.
const namedLines = program({
  name: 'maxPool2dBackward, lines named',
  inputs: { indices: 'i32' },
  outputs: { named: 'u32' },
  uniforms: { ...imageUniforms, batch: 'u32' },
  workgroup: [256],
  code: `
var<workgroup> first: atomic<u32>;
var<workgroup> last: atomic<u32>;`,
  main: `
  if (group >= u.outHeight + u.outWidth) { return; }
  let isRow = group < u.outHeight;
  if (lane == 0u) {
    atomicStore(&first, 0xffffffffu);
    atomicStore(&last, 0u);
  }
  workgroupBarrier();
  var low = 0xffffffffu;
  var high = 0u;
  // All elements of the row or column, in all images.
  let length = select(u.outHeight, u.outWidth, isRow);
  for (var i = lane; i < u.batch * length * u.inChannels; i += groupSize) {
    let along = i / u.inChannels % length;
    let oh = select(along, group, isRow);
    let ow = select(group - u.outHeight, along, isRow);
    let image = i / u.inChannels / length * u.outHeight;
    let at = u32(indices[((image + oh) * u.outWidth + ow) * u.inChannels + i % u.inChannels]);
    let line = select(at % u.inWidth, at / u.inWidth, isRow);
    low = min(low, line);
    high = max(high, line);
  }
  atomicMin(&first, low);
  atomicMax(&last, high);
  workgroupBarrier();
  if (lane == 0u) {
    named[2u * group] = atomicLoad(&first);
    named[2u * group + 1u] = atomicLoad(&last);
  }`,
});

// The first and the last row of gradY that may name a row of gradX; columns after the rows.
const namingLines = program({
  name: 'maxPool2dBackward, lines naming',
  inputs: { named: 'u32' },
  outputs: { naming: 'u32' },
  uniforms: imageUniforms,
  workgroup,
  main: `
  if (index >= u.inHeight + u.inWidth) { return; }
  let isRow = index < u.inHeight;
  let line = select(index - u.inHeight, index, isRow);
  let offset = select(u.outHeight, 0u, isRow);
  // None: the first is after the last.
  var first = 1u;
  var last = 0u;
  for (var i = 0u; i < select(u.outWidth, u.outHeight, isRow); i++) {
    if (line < named[2u * (offset + i)] || line > named[2u * (offset + i) + 1u]) { continue; }
    if (first > last) { first = i; }
    last = i;
  }
  naming[2u * index] = first;
  naming[2u * index + 1u] = last;`,
});

const maxPool2dBackward = program({
  name: 'maxPool2dBackward',
  inputs: { gradY: 'f32', indices: 'i32', naming: 'u32' },
  outputs: { gradX: 'f32' },
  uniforms: { ...imageUniforms, size: 'u32' },
  workgroup,
  main: `
  if (index >= u.size) { return; }
  let channel = index % u.inChannels;
  let position = index / u.inChannels;
  let w = position % u.inWidth;
  let h = position / u.inWidth % u.inHeight;
  let image = position / u.inWidth / u.inHeight * u.outHeight;
  let columns = 2u * (u.inHeight + w);
  var sum = 0.0;
  for (var oh = naming[2u * h]; oh <= naming[2u * h + 1u]; oh++) {
    for (var ow = naming[columns]; ow <= naming[columns + 1u]; ow++) {
      let at = ((image + oh) * u.outWidth + ow) * u.inChannels + channel;
      if (u32(indices[at]) == h * u.inWidth + w) { sum += gradY[at]; }
    }
  }
  gradX[index] = sum;`,
});

const average = program({
  name: 'average pools',
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  uniforms: { ...averageUniforms, size: 'u32' },
  workgroup,
  include: [averageWindows],
  main: `
  if (index >= u.size) { return; }
  let channel = index % u.inChannels;
  let position = index / u.inChannels;
  let row = position / u.outWidth;
  let rows = rowWindow(row % u.outHeight);
  let columns = columnWindow(position % u.outWidth);
  let image = row / u.outHeight * u.inHeight;
  var sum = 0.0;
  for (var h = rows.x; h < rows.y; h++) {
    for (var w = columns.x; w < columns.y; w++) {
      sum += x[((image + h) * u.inWidth + w) * u.inChannels + channel];
    }
  }
  y[index] = sum / f32(rows.z * columns.z);`,
});

const averageBackward = program({
  name: 'average pools, backward',
  inputs: { gradY: 'f32' },
  outputs: { gradX: 'f32' },
  uniforms: { ...averageUniforms, size: 'u32' },
  workgroup,
  include: [averageWindows],
  main: `
  if (index >= u.size) { return; }
  let channel = index % u.inChannels;
  let position = index / u.inChannels;
  let row = position / u.inWidth;
  let rows = rowCells(row % u.inHeight);
  let columns = columnCells(position % u.inWidth);
  let image = row / u.inHeight * u.outHeight;
  var sum = 0.0;
  for (var oh = rows.x; oh <= rows.y; oh++) {
    let height = rowWindow(oh).z;
    for (var ow = columns.x; ow <= columns.y; ow++) {
      let up = gradY[((image + oh) * u.outWidth + ow) * u.inChannels + channel];
      sum += up / f32(height * columnWindow(ow).z);
    }
  }
  gradX[index] = sum;`,
});

export const pool: KernelFamily<
  | 'maxPool2d'
  | 'maxPool2dBackward'
  | 'avgPool2d'
  | 'avgPool2dBackward'
  | 'adaptiveAvgPool2d'
  | 'adaptiveAvgPool2dBackward'
> = (gpu) => {
  const forward = (x: GpuTensor, y: GpuTensor, window: PoolWindow, adaptive: 0 | 1, countPad: boolean) => {
    const uniforms = { ...poolSizes(x, y, window), adaptive, countPad: Number(countPad), size: size(y) };
    gpu.run(average, { x, y }, uniforms, groupsOf(y));
  };
  const backward = (
    gradY: GpuTensor,
    gradX: GpuTensor,
    window: PoolWindow,
    adaptive: 0 | 1,
    countPad: boolean,
  ) => {
    const sizes = poolSizes(gradX, gradY, window);
    const uniforms = { ...sizes, adaptive, countPad: Number(countPad), size: size(gradX) };
    gpu.run(averageBackward, { gradY, gradX }, uniforms, groupsOf(gradX));
  };

  return {
    maxPool2d({ x, y, indices }, attrs) {
      const [dilationHeight, dilationWidth] = attrs.dilation;
      const uniforms = { ...poolSizes(x, y, attrs), size: size(y), dilationHeight, dilationWidth };
      gpu.run(maxPool2d, { x, y, indices }, uniforms, groupsOf(y));
    },

    maxPool2dBackward({ gradY, indices, gradX }) {
      const sizes = poolSizes(gradX, gradY, noWindow);
      const outLines = sizes.outHeight + sizes.outWidth;
      const inLines = sizes.inHeight + sizes.inWidth;
      const named = gpu.scratch(8 * outLines);
      const naming = gpu.scratch(8 * inLines);
      gpu.run(namedLines, { indices, named }, { ...sizes, batch: gradY.shape[0] }, outLines);
      gpu.run(namingLines, { named, naming }, sizes, Math.ceil(inLines / workgroup[0]));
      const uniforms = { ...sizes, size: size(gradX) };
      gpu.run(maxPool2dBackward, { gradY, indices, naming, gradX }, uniforms, groupsOf(gradX));
    },

    avgPool2d({ x, y }, attrs) {
      forward(x, y, attrs, 0, attrs.countIncludePad);
    },
    avgPool2dBackward({ gradY, gradX }, attrs) {
      backward(gradY, gradX, attrs, 0, attrs.countIncludePad);
    },
    adaptiveAvgPool2d({ x, y }) {
      forward(x, y, noWindow, 1, false);
    },
    adaptiveAvgPool2dBackward({ gradY, gradX }) {
      backward(gradY, gradX, noWindow, 1, false);
    },
  };
};
