import type { Conv2dAttrs, Pair } from '@octet/backend';
import { type CasesOf, type CaseTensor, floats, output, summed } from './case';

/** The sizes of one convolution case; also used for the int8 ones. */
export interface ConvShapes {
  name: string;
  x: [batch: number, height: number, width: number, channels: number];
  weight: [outChannels: number, height: number, width: number, groupChannels: number];
  y: [batch: number, height: number, width: number, outChannels: number];
  attrs: Conv2dAttrs;
}

interface Options {
  stride?: Pair;
  padding?: Pair;
  dilation?: Pair;
  groups?: number;
}

/** The sizes of a convolution with kernels of `[kh, kw]`. */
export function conv(
  name: string,
  x: ConvShapes['x'],
  outChannels: number,
  [kh, kw]: Pair,
  { stride = [1, 1], padding = [0, 0], dilation = [1, 1], groups = 1 }: Options = {},
): ConvShapes {
  const out = (axis: 0 | 1, kernel: number) =>
    Math.floor((x[axis + 1] + 2 * padding[axis] - dilation[axis] * (kernel - 1) - 1) / stride[axis]) + 1;
  return {
    name,
    x,
    weight: [outChannels, kh, kw, x[3] / groups],
    y: [x[0], out(0, kh), out(1, kw), outChannels],
    attrs: { stride, padding, dilation, groups },
  };
}

export const convShapes: readonly ConvShapes[] = [
  conv('1x1, one of everything', [1, 1, 1, 1], 1, [1, 1]),
  conv('1x1', [2, 5, 7, 19], 13, [1, 1]),
  conv('1x1, tiles filled exactly', [1, 4, 8, 16], 16, [1, 1]),
  conv('1x1, long sums', [1, 3, 3, 203], 9, [1, 1]),
  conv('1x1, stride 2', [1, 5, 7, 6], 5, [1, 1], { stride: [2, 2] }),
  conv('1x1, padded', [1, 3, 3, 3], 5, [1, 1], { padding: [1, 1] }),
  conv('3x3 on one channel', [2, 9, 8, 1], 7, [3, 3], { padding: [1, 1] }),
  conv('3x3', [2, 7, 6, 5], 11, [3, 3], { padding: [1, 1] }),
  conv('3x3, stride 2', [1, 9, 7, 3], 8, [3, 3], { stride: [2, 2], padding: [1, 1] }),
  conv('3x3, all padding but one', [1, 1, 1, 3], 5, [3, 3], { padding: [1, 1] }),
  conv('3x3, dilation 2', [1, 8, 9, 4], 6, [3, 3], { dilation: [2, 2], padding: [2, 2] }),
  conv('2x3, uneven stride, padding and dilation', [1, 7, 10, 3], 4, [2, 3], {
    stride: [1, 2],
    padding: [0, 2],
    dilation: [3, 1],
  }),
  conv('5x5', [1, 6, 7, 2], 3, [5, 5], { padding: [2, 2] }),
  conv('kernel as large as the image', [2, 4, 5, 3], 7, [4, 5]),
  conv('2 groups', [2, 5, 5, 6], 10, [3, 3], { groups: 2, padding: [1, 1] }),
  conv('3 groups, 1x1', [1, 4, 4, 9], 6, [1, 1], { groups: 3 }),
  conv('one input channel per group, 2 outputs each', [1, 5, 4, 3], 6, [3, 3], {
    groups: 3,
    padding: [1, 1],
  }),
  conv('2 outputs for each input', [2, 7, 6, 9], 18, [3, 3], { groups: 9, padding: [1, 1] }),
  conv('3 outputs for each input, stride 2', [1, 9, 8, 6], 18, [3, 3], {
    groups: 6,
    stride: [2, 2],
    padding: [1, 1],
  }),
  conv('17 outputs for each input, 1x1', [1, 3, 5, 2], 34, [1, 1], { groups: 2 }),
  conv('groups of 2', [2, 6, 7, 20], 20, [3, 3], { groups: 10, padding: [1, 1] }),
  conv('groups of 2, vectors filled exactly', [1, 5, 8, 16], 16, [3, 3], { groups: 8, padding: [1, 1] }),
  conv('groups of 2, 1x1, stride 2', [1, 6, 7, 6], 6, [1, 1], { groups: 3, stride: [2, 2] }),
  conv('2 inputs for each output, 5x5', [1, 7, 6, 22], 11, [5, 5], { groups: 11, padding: [2, 2] }),
  conv('groups of 3 to 2, dilation 2', [1, 8, 7, 15], 10, [3, 3], {
    groups: 5,
    dilation: [2, 2],
    padding: [2, 2],
  }),
  conv('groups of 4', [1, 6, 5, 12], 12, [3, 3], { groups: 3, padding: [1, 1] }),
  conv('16 inputs for each output, 2x1', [1, 5, 3, 48], 3, [2, 1], { groups: 3 }),
  conv('many groups of 2 on narrow rows', [1, 5, 2, 152], 152, [3, 3], { groups: 76, padding: [1, 1] }),
  conv('depthwise', [2, 7, 5, 7], 7, [3, 3], { groups: 7, padding: [1, 1] }),
  conv('depthwise, vectors filled exactly', [1, 6, 6, 16], 16, [3, 3], { groups: 16, padding: [1, 1] }),
  conv('depthwise, stride 2', [1, 9, 8, 19], 19, [3, 3], { groups: 19, stride: [2, 2], padding: [1, 1] }),
  conv('depthwise 5x5, dilation 2', [1, 9, 9, 3], 3, [5, 5], {
    groups: 3,
    padding: [4, 4],
    dilation: [2, 2],
  }),
  conv('depthwise 1x4, uneven stride and padding', [1, 4, 9, 5], 5, [1, 4], {
    groups: 5,
    stride: [2, 3],
    padding: [0, 3],
  }),
  conv('an empty batch', [0, 5, 5, 3], 4, [3, 3], { padding: [1, 1] }),
  conv('an empty batch, depthwise', [0, 5, 5, 4], 4, [3, 3], { padding: [1, 1], groups: 4 }),
  conv('depthwise 1x1', [1, 3, 3, 4], 4, [1, 1], { groups: 4 }),
];

/** Convolutions whose transpose has phases that differ in their taps, or begin in different places. */
const transposed: readonly ConvShapes[] = [
  ...convShapes,
  conv('2x2, stride 2', [2, 6, 10, 7], 5, [2, 2], { stride: [2, 2] }),
  conv('3x3, stride 2, padded', [1, 9, 7, 6], 4, [3, 3], { stride: [2, 2], padding: [1, 1] }),
  conv('3x3, stride 2, padded, one more row and column', [1, 10, 8, 17], 9, [3, 3], {
    stride: [2, 2],
    padding: [1, 1],
  }),
  conv('4x4, stride 2, padded', [2, 8, 6, 3], 19, [4, 4], { stride: [2, 2], padding: [1, 1] }),
  conv('3x3, stride 3, padding 2', [1, 8, 8, 4], 3, [3, 3], { stride: [3, 3], padding: [2, 2] }),
  conv('2x1, stride 4, rows that nothing reaches', [1, 11, 9, 4], 3, [2, 1], { stride: [4, 3] }),
  conv('3x3, dilation 2, stride 2', [1, 9, 11, 4], 5, [3, 3], { stride: [2, 2], dilation: [2, 2] }),
  conv('3x4, dilations 3 and 2, strides 2 and 4', [1, 10, 19, 4], 6, [3, 4], {
    stride: [2, 4],
    dilation: [3, 2],
    padding: [2, 1],
    groups: 2,
  }),
  conv('depthwise 4x4, stride 2', [1, 8, 8, 9], 9, [4, 4], { stride: [2, 2], padding: [1, 1], groups: 9 }),
];

/** The same of a transposed convolution: input and output change places. */
export const transposedShapes: readonly ConvShapes[] = transposed.map((shapes) => ({
  ...shapes,
  x: shapes.y,
  y: shapes.x,
}));

const variants = [
  { variant: '', biased: false, clamp: undefined, nan: false },
  { variant: ', bias', biased: true, clamp: undefined, nan: false },
  { variant: ', bias, relu', biased: true, clamp: [0, Infinity], nan: false },
  { variant: ', relu, NaN', biased: false, clamp: [0, Infinity], nan: true },
  { variant: ', bias, clamp', biased: true, clamp: [-0.5, 1.5], nan: false },
] as const;

function startingWithNaN(x: CaseTensor): CaseTensor {
  x.data[0] = Number.NaN;
  return x;
}

export const convCases: CasesOf<
  'conv2d' | 'conv2dBackwardInput' | 'conv2dBackwardWeight' | 'convTranspose2d'
> = {
  conv2d: () =>
    convShapes.flatMap(({ name, x, weight, y, attrs }) =>
      variants.map(({ variant, biased, clamp, nan }) => ({
        name: `${name}${variant}`,
        inputs: {
          x: nan ? startingWithNaN(floats(1, x)) : floats(1, x),
          weight: floats(2, weight),
          bias: biased ? floats(3, [weight[0]]) : undefined,
        },
        outputs: { y: output('float32', y) },
        attrs: { ...attrs, clamp },
        tolerance: summed,
      })),
    ),
  conv2dBackwardInput: () =>
    convShapes.map(({ name, x, weight, y, attrs }) => ({
      name,
      inputs: { gradY: floats(4, y), weight: floats(5, weight) },
      outputs: { gradX: output('float32', x) },
      attrs,
      tolerance: summed,
    })),
  conv2dBackwardWeight: () =>
    convShapes.map(({ name, x, weight, y, attrs }) => ({
      name,
      inputs: { x: floats(6, x), gradY: floats(7, y) },
      outputs: { gradWeight: output('float32', weight) },
      attrs,
      tolerance: summed,
    })),
  convTranspose2d: () =>
    transposedShapes.flatMap(({ name, x, weight, y, attrs }) =>
      [
        { biased: false, nan: false },
        { biased: true, nan: false },
        { biased: true, nan: true },
      ].map(({ biased, nan }) => ({
        name: `${name}${biased ? ', bias' : ''}${nan ? ', NaN' : ''}`,
        inputs: {
          x: nan ? startingWithNaN(floats(8, x)) : floats(8, x),
          weight: floats(9, weight),
          bias: biased ? floats(10, [y[3]]) : undefined,
        },
        outputs: { y: output('float32', y) },
        attrs,
        tolerance: summed,
      })),
    ),
};
