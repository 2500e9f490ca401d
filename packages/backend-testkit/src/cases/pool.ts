import type { AvgPoolAttrs, Pair, PoolAttrs } from '@octet/backend';
import {
  type CasesOf,
  type CaseTensor,
  close,
  floats,
  integers,
  type KernelCase,
  output,
  tensor,
  withSpecials,
} from './case';

type Shape4 = readonly [batch: number, height: number, width: number, channels: number];

interface Pool {
  name: string;
  x: Shape4;
  y: Shape4;
  attrs: PoolAttrs;
}

function pool(
  name: string,
  x: Shape4,
  kernelSize: Pair,
  stride: Pair = kernelSize,
  padding: Pair = [0, 0],
  dilation: Pair = [1, 1],
): Pool {
  const out = (axis: 0 | 1) =>
    Math.floor(
      (x[axis + 1] + 2 * padding[axis] - dilation[axis] * (kernelSize[axis] - 1) - 1) / stride[axis],
    ) + 1;
  return { name, x, y: [x[0], out(0), out(1), x[3]], attrs: { kernelSize, stride, padding, dilation } };
}

const plain: Pool[] = [
  pool('1x1', [1, 1, 1, 1], [1, 1]),
  pool('2x2', [2, 7, 8, 3], [2, 2]),
  pool('2x2 on 16 channels', [1, 4, 4, 16], [2, 2]),
  pool('3x3 on 83 channels, padding 1', [1, 6, 5, 83], [3, 3], [2, 1], [1, 1]),
  pool('3x3, stride 2, padding 1', [1, 9, 9, 19], [3, 3], [2, 2], [1, 1]),
  pool('2x3, stride 1x2', [2, 6, 7, 2], [2, 3], [1, 2]),
  pool('3x3, padding above and below', [1, 5, 6, 3], [3, 3], [2, 1], [1, 0]),
  pool('2x4, padding left and right', [1, 4, 5, 5], [2, 4], [1, 1], [0, 2]),
  pool('3x3, padding on a small image', [1, 2, 1, 5], [3, 3], [1, 1], [1, 1]),
  pool('whole image', [2, 5, 3, 7], [5, 3]),
  pool('2x2 of an empty batch', [0, 4, 4, 3], [2, 2]),
];
const dilated = pool('2x2, dilation 2 and 3', [1, 7, 8, 3], [2, 2], [1, 2], [1, 1], [2, 3]);

/** A window that starts inside and ends beyond the image, as ceil mode allows. */
const hanging: Pool = {
  name: 'ceil mode',
  x: [1, 6, 5, 3],
  y: [1, 3, 3, 3],
  attrs: { kernelSize: [3, 3], stride: [2, 2], padding: [0, 0], dilation: [1, 1] },
};

const averages = [...plain, hanging].flatMap(({ name, x, y, attrs: { dilation: _, ...attrs } }) =>
  [true, false].map((countIncludePad) => ({
    name: `${name}${countIncludePad ? ', padding counts' : ''}`,
    x,
    y,
    attrs: { ...attrs, countIncludePad } satisfies AvgPoolAttrs,
  })),
);

const adaptive = (
  [
    [1, 1, 1, 1, 1, 1],
    [2, 7, 5, 3, 1, 1],
    [1, 7, 7, 20, 1, 1],
    [1, 8, 8, 3, 2, 4],
    [1, 7, 5, 4, 3, 2],
    [2, 3, 2, 5, 5, 7],
    [2, 3, 300, 1, 2, 1],
    [1, 9, 61, 3, 2, 1],
    [1, 2, 531, 3, 1, 2],
    [0, 4, 4, 3, 2, 2],
    // Whole rows: one by one, in fours and in sixteens.
    [3, 1, 15, 1, 1, 1],
    [37, 1, 256, 1, 1, 1],
    [16, 1, 2500, 1, 1, 1],
    [26, 3, 31, 1, 1, 1],
  ] as const
).map(([batch, height, width, channels, outHeight, outWidth]) => ({
  name: `${height}x${width} to ${outHeight}x${outWidth}, ${channels} channels`,
  x: [batch, height, width, channels] as const,
  y: [batch, outHeight, outWidth, channels] as const,
}));

/** Every output's index: the last position of the image that its window may use. */
function lastIndices({ x, y, attrs }: Pool): CaseTensor {
  const [, height, width] = x;
  const [batch, outHeight, outWidth, channels] = y;
  const last = (axis: 0 | 1, i: number, size: number) =>
    Math.min(
      size - 1,
      Math.max(0, i * attrs.stride[axis] - attrs.padding[axis] + attrs.kernelSize[axis] - 1),
    );
  const data: number[] = [];
  for (let n = 0; n < batch; n++) {
    for (let oh = 0; oh < outHeight; oh++) {
      for (let ow = 0; ow < outWidth; ow++) {
        const index = last(0, oh, height) * width + last(1, ow, width);
        for (let c = 0; c < channels; c++) data.push(index);
      }
    }
  }
  return tensor('int32', y, data);
}

const coarse = (seed: number, shape: readonly number[]) =>
  tensor('float32', shape, floats(seed, shape, -3, 3).data.map(Math.floor));

// Even and odd, and both ends: half-way means fall on either side.
const zeroPoints = { uint8: [0, 100, 113, 255], int8: [-128, 0, 5, 127] } as const;
const dtypes = ['uint8', 'int8'] as const;
// f32(scale / f32(scale · n)) is f32(1 / n) for scale 1. For the others it is another number at 6, 14 or 22 elements.
const averageScales = [1, 1.6, 1.721, 1.358].map(Math.fround);

/** [1,height,width,67]: the sum of each channel is an odd multiple of n / 2, rounded either way. */
function halfWaySums(dtype: 'uint8' | 'int8', [height, width]: Pair): CaseTensor {
  const n = height * width;
  const least = dtype === 'int8' ? -128 : 0;
  const channels = 67;
  const x = integers(1, dtype, [1, height, width, channels]);
  for (let c = 0; c < channels; c++) {
    const half = Math.trunc(((2 * ((c * 37) % 255) + 1 + 2 * least) * n) / 2) + (n % 2 ? c % 2 : 0);
    // Spread over the window so that every element counts.
    for (let i = 0; i < n; i++) {
      x.data[i * channels + c] = Math.floor((half * (i + 1)) / n) - Math.floor((half * i) / n);
    }
  }
  return x;
}

/** Scales and zero points of averages' results: finer and coarser than x's, and so fine that all but the zero saturates. */
const averageOutputs = dtypes.flatMap((dtype) =>
  [
    { scale: 3.3, yScale: 1.1 },
    { scale: 0.13, yScale: 1.9 },
    { scale: 1.6, yScale: 1.358 },
    { scale: 2 ** 126, yScale: 1 },
  ].map(({ scale, yScale }, i) => ({
    dtype,
    attrs: {
      zeroPoint: zeroPoints[dtype][1],
      scale: Math.fround(scale),
      yZeroPoint: zeroPoints[dtype][(i + 2) % 4],
      yScale: Math.fround(yScale),
    },
  })),
);

/** Averages of one window each, whose means lie half-way or nearly, at counts and scales that decide which way they round. */
const halfWay = dtypes.flatMap((dtype) =>
  (
    [
      [1, 2],
      [2, 3],
      [7, 2],
      [11, 2],
      [5, 5],
      [7, 7],
    ] as const
  ).flatMap((kernelSize, i) =>
    averageScales.map((scale) => ({
      name: `half-way means of ${kernelSize.join('x')}, scale ${scale}, ${dtype}`,
      inputs: { x: halfWaySums(dtype, kernelSize) },
      outputs: { y: output(dtype, [1, 1, 1, 67]) },
      attrs: { zeroPoint: zeroPoints[dtype][i % 4], scale },
      kernelSize,
      tolerance: 'exact' as const,
    })),
  ),
);

export const poolCases: CasesOf<
  | 'maxPool2d'
  | 'maxPool2dBackward'
  | 'avgPool2d'
  | 'avgPool2dBackward'
  | 'adaptiveAvgPool2d'
  | 'adaptiveAvgPool2dBackward'
  | 'qmaxPool2d'
  | 'qavgPool2d'
  | 'qadaptiveAvgPool2d'
> = {
  maxPool2d: () =>
    [...plain, dilated, hanging].flatMap(({ name, x, y, attrs }) =>
      [floats(1, x), floats(1, x, -9, -1), coarse(1, x), withSpecials(x)].map((data, i) => ({
        name: `${name}${['', ', all negative', ', with equals', ', NaN and infinities'][i]}`,
        inputs: { x: data },
        outputs: { y: output('float32', y), indices: output('int32', y) },
        attrs,
        tolerance: 'exact',
      })),
    ),
  maxPool2dBackward: () =>
    [...plain, hanging].map((sizes) => ({
      name: sizes.name,
      inputs: { gradY: floats(2, sizes.y), indices: lastIndices(sizes) },
      outputs: { gradX: output('float32', sizes.x) },
      attrs: {},
      tolerance: close,
    })),
  avgPool2d: () =>
    averages.flatMap(({ name, x, y, attrs }) =>
      [floats(3, x), withSpecials(x)].map((data, i) => ({
        name: `${name}${['', ', NaN and infinities'][i]}`,
        inputs: { x: data },
        outputs: { y: output('float32', y) },
        attrs,
        tolerance: close,
      })),
    ),
  avgPool2dBackward: () =>
    averages.map(({ name, x, y, attrs }) => ({
      name,
      inputs: { gradY: floats(4, y) },
      outputs: { gradX: output('float32', x) },
      attrs,
      tolerance: close,
    })),
  adaptiveAvgPool2d: () =>
    adaptive.flatMap(({ name, x, y }) =>
      [floats(5, x), withSpecials(x)].map((data, i) => ({
        name: `${name}${['', ', NaN and infinities'][i]}`,
        inputs: { x: data },
        outputs: { y: output('float32', y) },
        attrs: {},
        tolerance: close,
      })),
    ),
  adaptiveAvgPool2dBackward: () =>
    adaptive.map(({ name, x, y }) => ({
      name,
      inputs: { gradY: floats(6, y) },
      outputs: { gradX: output('float32', x) },
      attrs: {},
      tolerance: close,
    })),
  qmaxPool2d: () =>
    dtypes.flatMap((dtype) =>
      [...plain, dilated, hanging].map(
        ({ name, x, y, attrs }): KernelCase<'qmaxPool2d'> => ({
          name: `${name}, ${dtype}`,
          inputs: { x: integers(7, dtype, x) },
          outputs: { y: output(dtype, y) },
          attrs,
          tolerance: 'exact',
        }),
      ),
    ),
  qavgPool2d: () => [
    ...dtypes.flatMap((dtype) =>
      averages.map(({ name, x, y, attrs }, i): KernelCase<'qavgPool2d'> => {
        const zeroPoint = zeroPoints[dtype][i % 4];
        return {
          name: `${name}, ${dtype}, zero point ${zeroPoint}`,
          inputs: { x: integers(8, dtype, x) },
          outputs: { y: output(dtype, y) },
          attrs: { ...attrs, zeroPoint, scale: averageScales[i % 4] },
          tolerance: 'exact',
        };
      }),
    ),
    ...halfWay.map(({ attrs, kernelSize, ...rest }): KernelCase<'qavgPool2d'> => {
      const window = { kernelSize, stride: [1, 1], padding: [0, 0], countIncludePad: true } as const;
      return { ...rest, attrs: { ...window, ...attrs } };
    }),
    ...averageOutputs.map(({ dtype, attrs }, i): KernelCase<'qavgPool2d'> => {
      const { name, x, y, attrs: window } = averages[i % averages.length];
      return {
        name: `${name}, ${dtype}, scale ${attrs.scale} to ${attrs.yScale}`,
        inputs: { x: integers(10, dtype, x) },
        outputs: { y: output(dtype, y) },
        attrs: { ...window, ...attrs },
        tolerance: 'exact',
      };
    }),
  ],
  qadaptiveAvgPool2d: () => [
    ...dtypes.flatMap((dtype) =>
      adaptive.flatMap(({ name, x, y }) =>
        zeroPoints[dtype].map(
          (zeroPoint, i): KernelCase<'qadaptiveAvgPool2d'> => ({
            name: `${name}, ${dtype}, zero point ${zeroPoint}`,
            inputs: { x: integers(9, dtype, x) },
            outputs: { y: output(dtype, y) },
            attrs: { zeroPoint, scale: averageScales[i] },
            tolerance: 'exact',
          }),
        ),
      ),
    ),
    ...halfWay.map(({ kernelSize: _, ...rest }) => rest),
    ...averageOutputs.flatMap(({ dtype, attrs }) =>
      [...adaptive.slice(0, 3), ...adaptive.slice(-1)].map(
        ({ name, x, y }): KernelCase<'qadaptiveAvgPool2d'> => ({
          name: `${name}, ${dtype}, scale ${attrs.scale} to ${attrs.yScale}`,
          inputs: { x: integers(11, dtype, x) },
          outputs: { y: output(dtype, y) },
          attrs,
          tolerance: 'exact',
        }),
      ),
    ),
  ],
};
