import {
  type CasesOf,
  type CaseTensor,
  close,
  floats,
  integers,
  output,
  strange,
  summed,
  tensor,
  withSpecials,
} from './case';

type Shape3 = readonly [outer: number, n: number, inner: number];

const shapes: Shape3[] = [
  [1, 1, 1],
  [1, 7, 1],
  [3, 10, 1],
  [1, 67, 3],
  [5, 3, 7],
  [2, 1, 9],
  [1, 300, 1],
  [2, 70, 5],
  [0, 7, 3],
];

/** What an index is: as large as y, or for all of the outer, the inner, or both. */
const spreads = [
  [1, 1],
  [1, 0],
  [0, 1],
  [0, 0],
] as const;

function indexing([outer, n, inner]: Shape3) {
  return [1, 4, 9].flatMap((m) =>
    spreads.map(([o, i]) => ({
      name: `[${[outer, n, inner]}], ${m} of ${o ? 'each outer' : 'all'}, ${i ? 'each inner' : 'all'}`,
      m,
      index: integers(m + 3, 'int32', [o ? outer : 1, m, i ? inner : 1], [0, n - 1]),
    })),
  );
}

/** Few different values, so that some are equal. */
function coarse(seed: number, shape: readonly number[]): CaseTensor {
  return tensor('float32', shape, floats(seed, shape, -2, 3).data.map(Math.floor));
}

const reductions = ['none', 'add', 'mul', 'max', 'min'] as const;

export const indexingCases: CasesOf<
  'gather' | 'scatter' | 'cumsum' | 'cumprod' | 'cumprodBackward' | 'prod' | 'prodBackward' | 'argsort'
> = {
  gather: () => [
    ...shapes.flatMap((shape) =>
      indexing(shape).flatMap(({ name, m, index }) =>
        (['float32', 'int32'] as const).map((dtype) => ({
          name: `${name}, ${dtype}`,
          inputs: { x: dtype === 'int32' ? integers(1, dtype, shape) : floats(1, shape), index },
          outputs: { y: output(dtype, [shape[0], m, shape[2]]) },
          attrs: {},
          tolerance: 'exact' as const,
        })),
      ),
    ),
    {
      name: 'indices outside, NaN and infinities',
      inputs: {
        x: tensor('float32', [1, 3, 1], strange),
        index: tensor('int32', [1, 5, 1], [-1, 0, 3, 1, 2]),
      },
      outputs: { y: output('float32', [1, 5, 1]) },
      attrs: {},
      tolerance: 'exact',
    },
    {
      name: 'integers outside',
      inputs: { x: tensor('int32', [1, 3, 1], [4, 5, 6]), index: tensor('int32', [1, 4, 1], [-1, 0, 3, 2]) },
      outputs: { y: output('int32', [1, 4, 1]) },
      attrs: {},
      tolerance: 'exact',
    },
    {
      name: 'float64',
      inputs: { x: floats(1, [2, 3, 2], -2, 2, 'float64'), index: tensor('int32', [1, 2, 1], [2, 0]) },
      outputs: { y: output('float64', [2, 2, 2]) },
      attrs: {},
      tolerance: 'exact',
    },
  ],
  scatter: () => [
    ...shapes.flatMap((shape) =>
      indexing(shape).flatMap(({ name, m, index }, at) =>
        (['float32', 'int32'] as const).map((dtype) => {
          const reduce = reductions[at % reductions.length];
          const values = (seed: number, of: readonly number[]) =>
            dtype === 'int32' ? integers(seed, dtype, of, [-9, 9]) : floats(seed, of);
          return {
            name: `${name}, ${dtype}, ${reduce}`,
            inputs: { x: values(1, shape), index, src: values(2, [shape[0], m, shape[2]]) },
            outputs: { y: output(dtype, shape) },
            attrs: { reduce },
            tolerance: dtype === 'int32' ? ('exact' as const) : summed,
          };
        }),
      ),
    ),
    ...reductions.map((reduce) => ({
      name: `NaN, infinities and indices outside, ${reduce}`,
      inputs: {
        x: withSpecials([1, 7, 1]),
        index: tensor('int32', [1, 6, 1], [0, 2, 6, -1, 7, 2]),
        src: tensor('float32', [1, 6, 1], [1, Number.NaN, 2, 5, 5, 3]),
      },
      outputs: { y: output('float32', [1, 7, 1]) },
      attrs: { reduce },
      tolerance: close,
    })),
  ],
  cumsum: () => [
    ...shapes.flatMap((shape) =>
      [false, true].flatMap((reverse) =>
        (['float32', 'int32'] as const).map((dtype) => ({
          name: `[${shape}], ${dtype}${reverse ? ', reverse' : ''}`,
          inputs: { x: dtype === 'int32' ? integers(1, dtype, shape) : floats(1, shape) },
          outputs: { y: output(dtype, shape) },
          attrs: { reverse },
          tolerance: dtype === 'int32' ? ('exact' as const) : summed,
        })),
      ),
    ),
    ...strange.map((special) => ({
      name: `${special}`,
      inputs: { x: withSpecials([1, 11, 1], [special]) },
      outputs: { y: output('float32', [1, 11, 1]) },
      attrs: { reverse: false },
      tolerance: summed,
    })),
  ],
  cumprod: () =>
    shapes.map((shape) => ({
      name: `[${shape}]`,
      inputs: { x: floats(1, shape, -1.2, 1.2) },
      outputs: { y: output('float32', shape) },
      attrs: {},
      tolerance: summed,
    })),
  cumprodBackward: () =>
    shapes.map((shape) => ({
      name: `[${shape}]`,
      inputs: { x: coarse(1, shape), y: floats(2, shape), gradY: floats(3, shape) },
      outputs: { gradX: output('float32', shape) },
      attrs: {},
      tolerance: { atol: 1e-3, rtol: 1e-3 },
    })),
  prod: () => [
    ...shapes.map((shape) => ({
      name: `[${shape}]`,
      inputs: { x: floats(1, shape, -1.2, 1.2) },
      outputs: { y: output('float32', [shape[0], shape[2]]) },
      attrs: {},
      tolerance: summed,
    })),
    ...strange.map((special) => ({
      name: `${special}`,
      inputs: { x: withSpecials([1, 11, 1], [special]) },
      outputs: { y: output('float32', [1, 1]) },
      attrs: {},
      tolerance: summed,
    })),
  ],
  prodBackward: () =>
    shapes.map((shape) => ({
      name: `[${shape}], some of them 0`,
      inputs: { x: floats(1, shape, -1.2, 1.2), gradY: floats(3, [shape[0], shape[2]]) },
      outputs: { gradX: output('float32', shape) },
      attrs: {},
      tolerance: summed,
    })),
  argsort: () => [
    ...shapes.flatMap((shape) =>
      [false, true].flatMap((descending) =>
        [floats(1, shape), coarse(2, shape), integers(3, 'int32', shape, [-5, 5])].map((x, i) => ({
          name: `[${shape}]${['', ', with equals', ', int32'][i]}${descending ? ', descending' : ''}`,
          inputs: { x },
          outputs: { y: output('int32', shape) },
          attrs: { descending },
          tolerance: 'exact' as const,
        })),
      ),
    ),
    ...[false, true].map((descending) => ({
      name: `NaN, infinities and zeros${descending ? ', descending' : ''}`,
      inputs: {
        x: tensor(
          'float32',
          [1, 10, 1],
          [1, Number.NaN, Infinity, -0, 0, -Infinity, Number.NaN, 1e-40, -1, 2],
        ),
      },
      outputs: { y: output('int32', [1, 10, 1]) },
      attrs: { descending },
      tolerance: 'exact' as const,
    })),
    {
      name: 'int32 that no float32 tells apart',
      inputs: { x: tensor('int32', [1, 4, 1], [2 ** 24 + 1, 2 ** 24, 2 ** 31 - 1, -(2 ** 31)]) },
      outputs: { y: output('int32', [1, 4, 1]) },
      attrs: { descending: false },
      tolerance: 'exact',
    },
  ],
};
