import { type GpuTensor, type KernelFamily, size } from '../kernel';
import { program } from '../program';
import {
  adaptiveWindows,
  averageAttrs,
  averageUniforms,
  averageWindows,
  imageSizes,
  imageUniforms,
} from '../wgsl/windows';

// One output an invocation in all of these; neighbours are channels.
const workgroup = [64] as const;
const groupsOf = (t: GpuTensor) => Math.ceil(size(t) / workgroup[0]);

const maxPool2d = program({
  name: 'maxPool2d',
  inputs: { x: 'f32' },
  outputs: { y: 'f32', indices: 'i32' },
  uniforms: {
    ...imageUniforms,
    size: 'u32',
    kernelHeight: 'i32',
    kernelWidth: 'i32',
    strideHeight: 'i32',
    strideWidth: 'i32',
    padHeight: 'i32',
    padWidth: 'i32',
    dilationHeight: 'i32',
    dilationWidth: 'i32',
  },
  workgroup,
  // By its bits: compilers may take it that there is no NaN.
  code: 'fn isNan(v: f32) -> bool { return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u; }',
  main: `
  if (index >= u.size) { return; }
  let channel = i32(index) % u.channels;
  let position = i32(index) / u.channels;
  let row = position / u.outWidth;
  let top = row % u.outHeight * u.strideHeight - u.padHeight;
  let left = position % u.outWidth * u.strideWidth - u.padWidth;
  let image = row / u.outHeight * u.inHeight;
  var best = 0.0;
  var at = -1;
  for (var down = 0; down < u.kernelHeight; down++) {
    let h = top + down * u.dilationHeight;
    if (h < 0 || h >= u.inHeight) { continue; }
    for (var right = 0; right < u.kernelWidth; right++) {
      let w = left + right * u.dilationWidth;
      if (w < 0 || w >= u.inWidth) { continue; }
      let v = x[((image + h) * u.inWidth + w) * u.channels + channel];
      if (at < 0 || isNan(v) || (v > best && !isNan(best))) {
        best = v;
        at = h * u.inWidth + w;
      }
    }
  }
  y[index] = best;
  indices[index] = at;`,
});

// The windows of the pool are unknown here, but the indices tell what they reach. Two steps find for each row of gradX
// the first and the last row of gradY that has an index in it (for columns alike); the third looks only there.

// First and last row of gradX that a row of gradY names: one workgroup for each row, then one for each column.
const indexRanges = program({
  name: 'maxPool2dBackward, ranges of indices',
  inputs: { indices: 'i32' },
  outputs: { ranges: 'i32' },
  uniforms: { ...imageUniforms, batch: 'i32' },
  workgroup,
  code: `
var<workgroup> lowest: atomic<i32>;
var<workgroup> highest: atomic<i32>;`,
  main: `
  let line = i32(group);
  if (line >= u.outHeight + u.outWidth) { return; }
  let isRow = line < u.outHeight;
  // Along the other direction, and over all images.
  let length = select(u.outHeight, u.outWidth, isRow);
  if (lane == 0u) {
    atomicStore(&lowest, 0x7fffffff);
    atomicStore(&highest, -1);
  }
  workgroupBarrier();
  var low = 0x7fffffff;
  var high = -1;
  for (var i = i32(lane); i < u.batch * length * u.channels; i += i32(groupSize)) {
    let along = i / u.channels % length;
    let image = i / u.channels / length;
    let oh = select(along, line, isRow);
    let ow = select(line - u.outHeight, along, isRow);
    let named = indices[((image * u.outHeight + oh) * u.outWidth + ow) * u.channels + i % u.channels];
    let at = select(named % u.inWidth, named / u.inWidth, isRow);
    low = min(low, at);
    high = max(high, at);
  }
  atomicMin(&lowest, low);
  atomicMax(&highest, high);
  workgroupBarrier();
  if (lane == 0u) {
    ranges[2 * line] = atomicLoad(&lowest);
    ranges[2 * line + 1] = atomicLoad(&highest);
  }`,
});

// First and last row of gradY whose range holds a row of gradX; columns after the rows.
const reachingLines = program({
  name: 'maxPool2dBackward, lines that reach',
  inputs: { ranges: 'i32' },
  outputs: { reaching: 'i32' },
  uniforms: imageUniforms,
  workgroup,
  main: `
  let line = i32(index);
  if (line >= u.inHeight + u.inWidth) { return; }
  let isRow = line < u.inHeight;
  let at = select(line - u.inHeight, line, isRow);
  let offset = select(u.outHeight, 0, isRow);
  var first = 0;
  var last = -1;
  for (var i = 0; i < select(u.outWidth, u.outHeight, isRow); i++) {
    if (at < ranges[2 * (offset + i)] || at > ranges[2 * (offset + i) + 1]) { continue; }
    if (last < 0) { first = i; }
    last = i;
  }
  reaching[2 * line] = first;
  reaching[2 * line + 1] = last;`,
});

const maxPool2dBackward = program({
  name: 'maxPool2dBackward',
  inputs: { gradY: 'f32', indices: 'i32', reaching: 'i32' },
  outputs: { gradX: 'f32' },
  uniforms: { ...imageUniforms, size: 'u32' },
  workgroup,
  main: `
  if (index >= u.size) { return; }
  let channel = i32(index) % u.channels;
  let position = i32(index) / u.channels;
  let w = position % u.inWidth;
  let h = position / u.inWidth % u.inHeight;
  let image = position / u.inWidth / u.inHeight * u.outHeight;
  let columns = 2 * (u.inHeight + w);
  var sum = 0.0;
  for (var oh = reaching[2 * h]; oh <= reaching[2 * h + 1]; oh++) {
    for (var ow = reaching[columns]; ow <= reaching[columns + 1]; ow++) {
      let at = ((image + oh) * u.outWidth + ow) * u.channels + channel;
      if (indices[at] == h * u.inWidth + w) { sum += gradY[at]; }
    }
  }
  gradX[index] = sum;`,
});

const average = <const U extends typeof imageUniforms>(name: string, uniforms: U, windows: string) =>
  program({
    name,
    inputs: { x: 'f32' },
    outputs: { y: 'f32' },
    uniforms: { ...uniforms, size: 'u32' },
    workgroup,
    include: [windows],
    main: `
  if (index >= u.size) { return; }
  let channel = i32(index) % u.channels;
  let position = i32(index) / u.channels;
  let row = position / u.outWidth;
  let rows = rowWindow(row % u.outHeight);
  let columns = columnWindow(position % u.outWidth);
  let image = row / u.outHeight * u.inHeight;
  var sum = 0.0;
  for (var h = rows.x; h < rows.y; h++) {
    for (var w = columns.x; w < columns.y; w++) {
      sum += x[((image + h) * u.inWidth + w) * u.channels + channel];
    }
  }
  y[index] = sum / f32(rows.z * columns.z);`,
  });

const averageBackward = <const U extends typeof imageUniforms>(name: string, uniforms: U, windows: string) =>
  program({
    name,
    inputs: { gradY: 'f32' },
    outputs: { gradX: 'f32' },
    uniforms: { ...uniforms, size: 'u32' },
    workgroup,
    include: [windows],
    main: `
  if (index >= u.size) { return; }
  let channel = i32(index) % u.channels;
  let position = i32(index) / u.channels;
  let row = position / u.inWidth;
  let rows = rowCells(row % u.inHeight);
  let columns = columnCells(position % u.inWidth);
  let image = row / u.inHeight * u.outHeight;
  var sum = 0.0;
  for (var oh = rows.x; oh <= rows.y; oh++) {
    let height = rowWindow(oh).z;
    for (var ow = columns.x; ow <= columns.y; ow++) {
      let up = gradY[((image + oh) * u.outWidth + ow) * u.channels + channel];
      sum += up / f32(height * columnWindow(ow).z);
    }
  }
  gradX[index] = sum;`,
  });

const avgPool2d = average('avgPool2d', averageUniforms, averageWindows);
const avgPool2dBackward = averageBackward('avgPool2dBackward', averageUniforms, averageWindows);
const adaptiveAvgPool2d = average('adaptiveAvgPool2d', imageUniforms, adaptiveWindows);
const adaptiveAvgPool2dBackward = averageBackward(
  'adaptiveAvgPool2dBackward',
  imageUniforms,
  adaptiveWindows,
);

export const pool: KernelFamily<
  | 'maxPool2d'
  | 'maxPool2dBackward'
  | 'avgPool2d'
  | 'avgPool2dBackward'
  | 'adaptiveAvgPool2d'
  | 'adaptiveAvgPool2dBackward'
> = (gpu) => ({
  maxPool2d({ x, y, indices }, { kernelSize, stride, padding, dilation }) {
    const uniforms = {
      ...imageSizes(x, y),
      size: size(y),
      kernelHeight: kernelSize[0],
      kernelWidth: kernelSize[1],
      strideHeight: stride[0],
      strideWidth: stride[1],
      padHeight: padding[0],
      padWidth: padding[1],
      dilationHeight: dilation[0],
      dilationWidth: dilation[1],
    };
    gpu.run(maxPool2d, { x, y, indices }, uniforms, groupsOf(y));
  },

  maxPool2dBackward({ gradY, indices, gradX }) {
    const sizes = imageSizes(gradX, gradY);
    const { inHeight, inWidth, outHeight, outWidth } = sizes;
    const ranges = gpu.scratch(8 * (outHeight + outWidth));
    const reaching = gpu.scratch(8 * (inHeight + inWidth));
    gpu.run(indexRanges, { indices, ranges }, { ...sizes, batch: gradY.shape[0] }, outHeight + outWidth);
    gpu.run(reachingLines, { ranges, reaching }, sizes, Math.ceil((inHeight + inWidth) / workgroup[0]));
    gpu.run(
      maxPool2dBackward,
      { gradY, indices, reaching, gradX },
      { ...sizes, size: size(gradX) },
      groupsOf(gradX),
    );
  },

  avgPool2d({ x, y }, attrs) {
    const uniforms = { ...imageSizes(x, y), ...averageAttrs(attrs), size: size(y) };
    gpu.run(avgPool2d, { x, y }, uniforms, groupsOf(y));
  },

  avgPool2dBackward({ gradY, gradX }, attrs) {
    const uniforms = { ...imageSizes(gradX, gradY), ...averageAttrs(attrs), size: size(gradX) };
    gpu.run(avgPool2dBackward, { gradY, gradX }, uniforms, groupsOf(gradX));
  },

  adaptiveAvgPool2d({ x, y }) {
    gpu.run(adaptiveAvgPool2d, { x, y }, { ...imageSizes(x, y), size: size(y) }, groupsOf(y));
  },

  adaptiveAvgPool2dBackward({ gradY, gradX }) {
    const uniforms = { ...imageSizes(gradX, gradY), size: size(gradX) };
    gpu.run(adaptiveAvgPool2dBackward, { gradY, gradX }, uniforms, groupsOf(gradX));
  },
});
