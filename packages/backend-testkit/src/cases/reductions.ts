import {
  type CasesOf,
  type CaseTensor,
  close,
  floats,
  integers,
  onDiagonal,
  output,
  strange,
  summed,
  tensor,
} from './case';

type Shape3 = readonly [outer: number, n: number, inner: number];

const shapes: Shape3[] = [
  [1, 1, 1],
  [1, 7, 1],
  [3, 10, 1],
  [3, 64, 1],
  [1, 67, 3],
  [5, 3, 7],
  [2, 1, 9],
  [1, 1031, 1],
  [2, 300, 5],
  [0, 7, 3],
];

const named = (shape: Shape3) => `[${shape}]`;

function rowCases(tolerance: typeof close, min = -4, max = 4) {
  return shapes.map((shape) => ({
    name: `${named(shape)} of ${min} to ${max}`,
    inputs: { x: floats(7, shape, min, max) },
    outputs: { y: output('float32', shape) },
    attrs: {},
    tolerance,
  }));
}

/** Rows along the axis, each with one NaN or infinity, at every position; by the inner dimension in one row or apart. */
const strangeRows = [2, 3, 4, 5, 11, 19].flatMap((n) =>
  strange.flatMap((special) => {
    const { data } = onDiagonal(n, special);
    return (
      [
        [n, n, 1],
        [1, n, n],
      ] as const
    ).map((shape) => ({
      name: `[${shape}], ${special} at each position`,
      shape: shape as Shape3,
      x: { dtype: 'float32', shape, data } as CaseTensor,
    }));
  }),
);

function strangeCases(tolerance: typeof close) {
  return strangeRows.map(({ name, shape, x }) => ({
    name,
    inputs: { x },
    outputs: { y: output('float32', shape) },
    attrs: {},
    tolerance,
  }));
}

function strangeReductions(dtype: 'float32' | 'int32', tolerance: typeof close | 'exact') {
  return strangeRows.map(({ name, shape, x }) => ({
    name,
    inputs: { x },
    outputs: { y: output(dtype, [shape[0], shape[2]]) },
    attrs: {},
    tolerance,
  }));
}

/** Few different values, so that maxima have equals. */
function coarse(seed: number, shape: Shape3): CaseTensor {
  return tensor('float32', shape, floats(seed, shape, -2, 3).data.map(Math.floor));
}

function maxima(x: CaseTensor, [outer, n, inner]: Shape3): CaseTensor {
  const y = new Float32Array(outer * inner).fill(-Infinity);
  x.data.forEach((v, at) => {
    const to = Math.floor(at / (n * inner)) * inner + (at % inner);
    y[to] = Math.max(y[to], v);
  });
  return tensor('float32', [outer, inner], y);
}

const losses = (
  [
    ['plain', [4, 10, 1], false, -100],
    ['spatial', [2, 5, 6], false, -100],
    ['weighted', [3, 7, 4], true, -100],
    ['some ignored', [6, 3, 2], true, 1],
    ['one class', [3, 1, 1], false, -100],
    ['ignored ones outside of the classes', [5, 4, 3], true, -100],
  ] as const
).map(([name, shape, weighted, ignoreIndex]) => {
  const [outer, n, inner] = shape;
  const target = integers(11, 'int32', [outer, inner], [0, n - 1]);
  if (name.startsWith('ignored')) {
    for (const i of [0, 4, 7]) target.data[i] = ignoreIndex;
  }
  return { name, shape, weighted, ignoreIndex, target };
});

export const reductionCases: CasesOf<
  | 'sum'
  | 'amax'
  | 'amaxBackward'
  | 'argmax'
  | 'variance'
  | 'softmax'
  | 'softmaxBackward'
  | 'logSoftmax'
  | 'logSoftmaxBackward'
  | 'nllLoss'
  | 'nllLossBackward'
> = {
  sum: () => [
    ...shapes.map((shape) => ({
      name: named(shape),
      inputs: { x: floats(1, shape) },
      outputs: { y: output('float32', [shape[0], shape[2]]) },
      attrs: {},
      tolerance: summed,
    })),
    ...strangeReductions('float32', summed),
  ],
  amax: () => [
    ...shapes.flatMap((shape) =>
      [floats(2, shape), floats(2, shape, -9, -1), coarse(2, shape)].map((x, i) => ({
        name: `${named(shape)}${['', ', all negative', ', with equals'][i]}`,
        inputs: { x },
        outputs: { y: output('float32', [shape[0], shape[2]]) },
        attrs: {},
        tolerance: 'exact' as const,
      })),
    ),
    ...strangeReductions('float32', 'exact'),
  ],
  amaxBackward: () =>
    shapes.map((shape) => {
      const x = coarse(3, shape);
      return {
        name: `${named(shape)}, with equals`,
        inputs: { x, y: maxima(x, shape), gradY: floats(4, [shape[0], shape[2]]) },
        outputs: { gradX: output('float32', shape) },
        attrs: {},
        tolerance: close,
      };
    }),
  argmax: () => [
    ...shapes.flatMap((shape) =>
      [floats(5, shape), coarse(5, shape)].map((x, i) => ({
        name: `${named(shape)}${['', ', with equals'][i]}`,
        inputs: { x },
        outputs: { y: output('int32', [shape[0], shape[2]]) },
        attrs: {},
        tolerance: 'exact' as const,
      })),
    ),
    ...strangeReductions('int32', 'exact'),
  ],
  variance: () =>
    shapes
      .filter(([, n]) => n > 1)
      .flatMap((shape) =>
        [0, 1].map((correction) => ({
          name: `${named(shape)}, correction ${correction}`,
          inputs: { x: floats(6, shape, 3, 7) },
          outputs: {
            y: output('float32', [shape[0], shape[2]]),
            mean: output('float32', [shape[0], shape[2]]),
          },
          attrs: { correction },
          tolerance: summed,
        })),
      ),
  softmax: () => [...rowCases(close), ...rowCases(close, 80, 200), ...strangeCases(close)],
  softmaxBackward: () =>
    shapes.map((shape) => ({
      name: named(shape),
      inputs: { y: floats(8, shape, 0, 1), gradY: floats(9, shape) },
      outputs: { gradX: output('float32', shape) },
      attrs: {},
      tolerance: summed,
    })),
  logSoftmax: () => [...rowCases(summed), ...rowCases(summed, 80, 200), ...strangeCases(summed)],
  logSoftmaxBackward: () =>
    shapes.map((shape) => ({
      name: named(shape),
      inputs: { y: floats(8, shape, -5, 0), gradY: floats(9, shape) },
      outputs: { gradX: output('float32', shape) },
      attrs: {},
      tolerance: summed,
    })),
  nllLoss: () =>
    losses.map(({ name, shape, weighted, ignoreIndex, target }) => ({
      name,
      inputs: {
        logProbs: floats(12, shape, -6, 0),
        target,
        weight: weighted ? floats(13, [shape[1]], 0.1, 2) : undefined,
      },
      outputs: { y: output('float32', target.shape), w: output('float32', target.shape) },
      attrs: { ignoreIndex },
      tolerance: close,
    })),
  nllLossBackward: () =>
    losses.map(({ name, shape, weighted, ignoreIndex, target }) => {
      const w = target.data.map((label) => (label === ignoreIndex ? 0 : weighted ? 0.5 + label : 1));
      return {
        name,
        inputs: { gradY: floats(14, target.shape), target, w: tensor('float32', target.shape, w) },
        outputs: { gradX: output('float32', shape) },
        attrs: { ignoreIndex },
        tolerance: close,
      };
    }),
};
