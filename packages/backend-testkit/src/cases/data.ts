import type { CopyStridedAttrs, StorageDType } from '@octet/backend';
import {
  type CasesOf,
  denormals,
  floats,
  integers,
  type KernelCase,
  output,
  strange,
  tensor,
  withSpecials,
} from './case';

const dtypes = ['float32', 'int32', 'uint8', 'int8', 'bool'] as const;

function anything(seed: number, dtype: StorageDType, shape: readonly number[]) {
  return dtype === 'float32' || dtype === 'float64'
    ? floats(seed, shape, -9, 9, dtype)
    : integers(seed, dtype, shape);
}

function strides(shape: readonly number[]): number[] {
  return shape.map((_, i) => shape.slice(i + 1).reduce((n, d) => n * d, 1));
}

function copies(dtype: StorageDType): KernelCase<'copyStrided'>[] {
  const copy = (
    name: string,
    xShape: readonly number[],
    yShape: readonly number[],
    attrs: CopyStridedAttrs,
  ): KernelCase<'copyStrided'> => ({
    name: `${name}, ${dtype}`,
    inputs: { x: anything(1, dtype, xShape) },
    outputs: { y: anything(2, dtype, yShape) },
    attrs,
    tolerance: 'exact',
  });
  const permute = (shape: readonly number[], order: readonly number[]) => {
    const to = order.map((axis) => shape[axis]);
    const from = strides(shape);
    return copy(`permute ${shape} by ${order}`, shape, to, {
      shape: to,
      xStrides: order.map((axis) => from[axis]),
      xOffset: 0,
      yStrides: strides(to),
      yOffset: 0,
    });
  };
  return [
    copy('one element', [1], [1], { shape: [], xStrides: [], xOffset: 0, yStrides: [], yOffset: 0 }),
    copy('plain copy', [67], [67], { shape: [67], xStrides: [1], xOffset: 0, yStrides: [1], yOffset: 0 }),
    permute([3, 5], [1, 0]),
    permute([21, 19], [1, 0]),
    permute([2, 3, 17, 26], [1, 0, 3, 2]),
    permute([2, 3, 5, 7], [0, 2, 3, 1]),
    permute([1, 3, 4, 4], [0, 2, 3, 1]),
    permute([2, 3, 67, 63], [0, 2, 3, 1]),
    permute([2, 5, 7, 3], [0, 3, 1, 2]),
    permute([2, 1, 3, 2, 4], [4, 2, 0, 3, 1]),
    copy('slice with step and offset', [4, 9], [2, 3], {
      shape: [2, 3],
      xStrides: [18, 3],
      xOffset: 10,
      yStrides: [3, 1],
      yOffset: 0,
    }),
    copy('expanded by stride 0', [1, 3, 1], [4, 3, 5], {
      shape: [4, 3, 5],
      xStrides: [0, 1, 0],
      xOffset: 0,
      yStrides: [15, 5, 1],
      yOffset: 0,
    }),
    copy('expanded to channels-last images', [2, 19], [2, 7, 5, 19], {
      shape: [2, 19, 7, 5],
      xStrides: [19, 1, 0, 0],
      xOffset: 0,
      yStrides: [665, 1, 95, 19],
      yOffset: 0,
    }),
    copy('images to channels last', [2, 9, 7, 5], [2, 7, 5, 9], {
      shape: [2, 9, 7, 5],
      xStrides: [315, 35, 5, 1],
      xOffset: 0,
      yStrides: [315, 1, 45, 9],
      yOffset: 0,
    }),
    copy('flipped by negative strides', [3, 5], [3, 5], {
      shape: [3, 5],
      xStrides: [-5, -1],
      xOffset: 14,
      yStrides: [5, 1],
      yOffset: 0,
    }),
    copy('into a part of y, the rest stays', [2, 33], [2, 40], {
      shape: [2, 33],
      xStrides: [33, 1],
      xOffset: 0,
      yStrides: [40, 1],
      yOffset: 5,
    }),
    copy('scattered into y, the rest stays', [3, 4], [50], {
      shape: [3, 4],
      xStrides: [4, 1],
      xOffset: 0,
      yStrides: [16, 3],
      yOffset: 1,
    }),
    copy('nothing to copy', [4], [4], {
      shape: [2, 0],
      xStrides: [1, 1],
      xOffset: 0,
      yStrides: [1, 1],
      yOffset: 0,
    }),
  ];
}

const awkward = [
  -3e9, -200.5, -129, -128, -1.9, -1, -0.5, -0, 0, 0.5, 0.99, 1, 1.5, 127, 128, 254.9, 255, 256, 3e9,
];

export const dataCases: CasesOf<'fill' | 'cast' | 'copyStrided'> = {
  fill: () =>
    [0, 1, 3, 67, 1031].flatMap((n) =>
      dtypes.map((dtype): KernelCase<'fill'> => {
        const value = dtype === 'float32' ? -2.5 : dtype === 'bool' ? 1 : dtype === 'uint8' ? 255 : -7;
        return {
          name: `${value} into ${n} of ${dtype}`,
          inputs: {},
          outputs: { y: output(dtype, [n]) },
          attrs: { value },
          tolerance: 'exact',
        };
      }),
    ),
  cast: () => [
    ...dtypes.flatMap((from) =>
      dtypes.map(
        (to): KernelCase<'cast'> => ({
          name: `${from} to ${to}`,
          inputs: { x: anything(3, from, [67]) },
          outputs: { y: output(to, [67]) },
          attrs: {},
          tolerance: 'exact',
        }),
      ),
    ),
    ...dtypes.map(
      (to): KernelCase<'cast'> => ({
        name: `out of range and fractional float32 to ${to}`,
        inputs: { x: tensor('float32', [awkward.length], awkward) },
        outputs: { y: output(to, [awkward.length]) },
        attrs: {},
        tolerance: 'exact',
      }),
    ),
    ...dtypes.flatMap((to) =>
      [7, 67].map(
        (n): KernelCase<'cast'> => ({
          name: `NaN, infinities and ${n === 7 ? 'none' : 'denormals'} of ${n} float32 to ${to}`,
          inputs: {
            x: withSpecials([n], n === 7 ? strange : [...strange, ...(to === 'float32' ? [] : denormals)]),
          },
          outputs: { y: output(to, [n]) },
          attrs: {},
          tolerance: 'exact',
        }),
      ),
    ),
    {
      name: 'float64 to float32',
      inputs: { x: floats(4, [7], -9, 9, 'float64') },
      outputs: { y: output('float32', [7]) },
      attrs: {},
      tolerance: 'exact',
    },
  ],
  copyStrided: () => [...dtypes, 'float64' as const].flatMap(copies),
};
