import type { QAverageAttrs } from '@octet/backend';
import type { Gpu } from '../gpu';
import type { GpuTensor, KernelFamily } from '../kernel';
import { program } from '../program';
import {
  bytes,
  flip,
  fourBytes,
  inRows,
  requantize,
  requantizeBounds,
  requantizeUniforms,
} from '../wgsl/bytes';
import { softFloat } from '../wgsl/soft-float';
import {
  averageUniforms,
  averageWindows,
  noWindow,
  type PoolWindow,
  poolSizes,
  poolUniforms,
} from '../wgsl/windows';

// Four channels of a position an invocation.

const rowUniforms = { words: 'u32', columns: 'u32', flip: 'u32' } as const;

const place = /* wgsl */ `
  if (index >= u.words) { return; }
  let channel = 4u * (index % u.columns);
  let position = index / u.columns;
  let ow = position % u.outWidth;
  let oh = position / u.outWidth % u.outHeight;
  let image = position / u.outWidth / u.outHeight * u.inHeight;`;

const fourChannels = /* wgsl */ `
fn fourChannels(row: u32, column: u32, channel: u32) -> vec4i {
  return unsignedBytes(xFour((row * u.inWidth + column) * u.inChannels + channel) ^ u.flip);
}
`;

const qmaxPool2d = program({
  name: 'qmaxPool2d',
  inputs: { x: 'u32' },
  outputs: { y: 'u32' },
  uniforms: { ...poolUniforms, ...rowUniforms, dilationHeight: 'u32', dilationWidth: 'u32' },
  workgroup: [64],
  include: [bytes, fourBytes('x'), fourChannels],
  main: `${place}
  var most = vec4i();
  for (var down = 0u; down < u.kernelHeight; down++) {
    // Above the image is far below it: unsigned numbers wrap.
    let h = oh * u.strideHeight + down * u.dilationHeight - u.padHeight;
    if (h >= u.inHeight) { continue; }
    for (var right = 0u; right < u.kernelWidth; right++) {
      let w = ow * u.strideWidth + right * u.dilationWidth - u.padWidth;
      if (w < u.inWidth) { most = max(most, fourChannels(image + h, w, channel)); }
    }
  }
  y[index] = packBytes(most) ^ u.flip;`,
});

const qaverage = program({
  name: 'int8 average pools',
  inputs: { x: 'u32' },
  outputs: { y: 'u32' },
  uniforms: {
    ...averageUniforms,
    ...rowUniforms,
    ...requantizeUniforms,
    xZero: 'i32',
    scale: 'f32',
    yScale: 'f32',
  },
  workgroup: [64],
  include: [bytes, fourBytes('x'), fourChannels, requantize, softFloat, averageWindows],
  main: `${place}
  let rows = rowWindow(oh);
  let columns = columnWindow(ow);
  var sum = vec4i();
  for (var h = rows.x; h < rows.y; h++) {
    for (var w = columns.x; w < columns.y; w++) { sum += fourChannels(image + h, w, channel) - u.xZero; }
  }
  y[index] = requantize(sum, vec4f(divExact(u.scale, u.yScale * f32(rows.z * columns.z)))) ^ u.flip;`,
});

type Sizes = ReturnType<typeof poolSizes> & Record<keyof typeof rowUniforms, number>;

/** What all pools are told; `run` writes rows of whole words. */
function pool(
  gpu: Gpu,
  x: GpuTensor,
  y: GpuTensor,
  window: PoolWindow,
  run: (to: GpuTensor['buffer'], sizes: Sizes, groups: number) => void,
): void {
  const [batch, outHeight, outWidth, channels] = y.shape;
  const rows = batch * outHeight * outWidth;
  inRows(gpu, y, rows, channels, (to, columns) => {
    const words = rows * columns;
    const flipped = x.dtype === 'int8' ? flip : 0;
    run(to, { ...poolSizes(x, y, window), words, columns, flip: flipped }, Math.ceil(words / 64));
  });
}

function average(
  gpu: Gpu,
  { x, y }: { x: GpuTensor; y: GpuTensor },
  { zeroPoint, scale, yZeroPoint = zeroPoint, yScale = scale }: QAverageAttrs,
  window: PoolWindow,
  flags: { adaptive: number; countPad: number },
): void {
  // int8 is uint8 here, 128 more.
  const more = x.dtype === 'int8' ? 128 : 0;
  const bounds = requantizeBounds({ yZeroPoint: yZeroPoint + more, clampMin: 0, clampMax: 255 });
  const uniforms = { ...bounds, ...flags, xZero: zeroPoint + more, scale, yScale };
  pool(gpu, x, y, window, (to, sizes, groups) =>
    gpu.run(qaverage, { x, y: to }, { ...sizes, ...uniforms }, groups),
  );
}

export const qpool: KernelFamily<'qmaxPool2d' | 'qavgPool2d' | 'qadaptiveAvgPool2d'> = (gpu) => ({
  qmaxPool2d({ x, y }, attrs) {
    const [dilationHeight, dilationWidth] = attrs.dilation;
    pool(gpu, x, y, attrs, (to, sizes, groups) =>
      gpu.run(qmaxPool2d, { x, y: to }, { ...sizes, dilationHeight, dilationWidth }, groups),
    );
  },
  qavgPool2d(tensors, attrs) {
    const flags = { adaptive: 0, countPad: attrs.countIncludePad ? 1 : 0 };
    average(gpu, tensors, attrs, attrs, flags);
  },
  qadaptiveAvgPool2d(tensors, attrs) {
    average(gpu, tensors, attrs, noWindow, { adaptive: 1, countPad: 0 });
  },
});
