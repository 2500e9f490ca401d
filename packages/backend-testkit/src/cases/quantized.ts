import { type QuantizeAttrs, type RequantizeAttrs, roundHalfEven } from '@octet/backend';
import {
  type CasesOf,
  type CaseTensor,
  denormals,
  floats,
  full,
  integers,
  type KernelCase,
  output,
  strange,
  tensor,
  withSpecials,
} from './case';
import { type ConvShapes, conv, convShapes, transposedShapes } from './conv';

const sizes = [0, 1, 3, 7, 64, 67, 1031];

const targets = [
  { dtype: 'uint8', quantMin: 0, quantMax: 255, zeros: [0, 255, 113] },
  { dtype: 'uint8', quantMin: 0, quantMax: 127, zeros: [64, 0, 127] },
  { dtype: 'int8', quantMin: -128, quantMax: 127, zeros: [-128, 127, 0] },
  { dtype: 'int32', quantMin: -(2 ** 31), quantMax: 2 ** 31 - 1, zeros: [0, -1000, 1000] },
] as const;

const shapes = [
  [1, 1, 67],
  [2, 5, 7],
  [1, 19, 1],
  [0, 5, 7],
] as const;

function quantizeCase(
  name: string,
  x: CaseTensor,
  dtype: 'uint8' | 'int8' | 'int32',
  attrs: QuantizeAttrs,
): KernelCase<'quantize'> {
  return { name, inputs: { x }, outputs: { y: output(dtype, x.shape) }, attrs, tolerance: 'exact' };
}

/** The float32 numbers next to (i + 1/2) · scale, which lie on a tie, or beside it by one rounding. */
function halfWays(scale: number): number[] {
  return Array.from({ length: 257 }, (_, i) => Math.fround((i - 128 + 0.5) * Math.fround(scale)));
}

/** [4,66] of the range -0.7..1: its ends and 64 half-way numbers a row. */
function halfWayRows(steps: number): number[] {
  const scale = Math.fround(1.7 / steps);
  const row = (r: number) =>
    Array.from({ length: 64 }, (_, i) =>
      Math.fround((((i * 4 + r) % (steps - 9)) - 0.4 * steps + 0.5) * scale),
    );
  return [0, 1, 2, 3].flatMap((r) => [
    -0.7,
    1,
    ...row(r).map((v) => Math.fround((Math.floor(v / scale) + 0.5) * scale)),
  ]);
}

function quantizeCases(): KernelCase<'quantize'>[] {
  return targets.flatMap(({ dtype, quantMin, quantMax, zeros }) => {
    const range = `${dtype} ${quantMin}..${quantMax}`;
    return [
      ...shapes.flatMap((shape) => [
        ...zeros.map((zero) =>
          quantizeCase(`[${shape}] to ${range}, zero point ${zero}`, floats(1, shape, -6, 6), dtype, {
            scale: Float32Array.of(0.0371),
            zeroPoint: Int32Array.of(zero),
            quantMin,
            quantMax,
          }),
        ),
        quantizeCase(`[${shape}] to ${range}, per channel`, floats(2, shape, -6, 6), dtype, {
          scale: Float32Array.from({ length: shape[1] }, (_, i) => 0.01 + 0.013 * i),
          zeroPoint: Int32Array.from({ length: shape[1] }, (_, i) => zeros[i % 3]),
          quantMin,
          quantMax,
        }),
      ]),
      // 0.25 divides exactly: every half is a tie, and goes to the even side before the zero point is added.
      ...[0, 1].map((odd) => {
        const halves = Array.from({ length: 64 }, (_, i) => (i - 32) / 8);
        return quantizeCase(
          `ties to ${range}, zero point ${zeros[2] - odd}`,
          tensor('float32', [1, 1, 64], halves),
          dtype,
          {
            scale: Float32Array.of(0.25),
            zeroPoint: Int32Array.of(zeros[2] - odd),
            quantMin,
            quantMax,
          },
        );
      }),
      // Not so small a difference: where a scale isn't a power of two, half-way numbers tell its reciprocal from a division.
      ...[0.0371, 0.1, 0.05, 0.3].map((scale) =>
        quantizeCase(
          `near ties at scale ${scale} to ${range}`,
          tensor('float32', [1, 1, 257], halfWays(scale)),
          dtype,
          { scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zeros[2]), quantMin, quantMax },
        ),
      ),
      ...[1, 3, 7, 67].map((n) =>
        quantizeCase(
          `NaN, infinities and denormals, n = ${n}, to ${range}`,
          withSpecials([1, 1, n], [...strange, ...denormals]),
          dtype,
          { scale: Float32Array.of(0.0371), zeroPoint: Int32Array.of(zeros[2]), quantMin, quantMax },
        ),
      ),
      ...[
        [2, 7, 1],
        [1, 7, 9],
        [3, 5, 1],
      ].map((shape) =>
        quantizeCase(
          `NaN, infinities and denormals [${shape}], per channel, to ${range}`,
          withSpecials(shape, [...strange, ...denormals]),
          dtype,
          {
            scale: Float32Array.from({ length: shape[1] }, (_, i) => 0.01 + 0.013 * i),
            zeroPoint: Int32Array.from({ length: shape[1] }, (_, i) => zeros[i % 3]),
            quantMin,
            quantMax,
          },
        ),
      ),
      quantizeCase(
        `infinities and huge numbers to ${range}`,
        tensor('float32', [1, 1, 6], [Infinity, -Infinity, 3e38, -3e38, 1e9, -1e9]),
        dtype,
        { scale: Float32Array.of(0.5), zeroPoint: Int32Array.of(zeros[2]), quantMin, quantMax },
      ),
    ];
  });
}

const weightModes = ['one multiplier', 'per channel', 'weight zero point'] as const;

/** Multipliers that spread the sums of `length` products over the output range, with some beyond its ends. */
function requantizing(
  mode: (typeof weightModes)[number],
  channels: number,
  length: number,
  variant: number,
): RequantizeAttrs {
  const multiplier = 1 / (40 * Math.sqrt(length));
  const perChannel = mode === 'per channel';
  const yZeroPoint = [120, 0, 255, 7][variant % 4];
  return {
    xZeroPoint: [113, 0, 255, 128][variant % 4],
    weightZeroPoint:
      mode === 'weight zero point'
        ? Int32Array.of(-17)
        : perChannel
          ? Int32Array.from({ length: channels }, (_, i) => (i % 3) - 1)
          : Int32Array.of(0),
    multiplier: perChannel
      ? Float32Array.from({ length: channels }, (_, i) => multiplier * (0.3 + (i % 7) * 0.4))
      : Float32Array.of(multiplier),
    yZeroPoint,
    clampMin: variant % 2 === 0 ? 0 : yZeroPoint,
    clampMax: variant % 3 === 2 ? 200 : 255,
  };
}

/** A multiplier of 1/2 makes every odd sum a tie. */
const halving: RequantizeAttrs = {
  xZeroPoint: 3,
  weightZeroPoint: Int32Array.of(0),
  multiplier: Float32Array.of(0.5),
  yZeroPoint: 101,
  clampMin: 0,
  clampMax: 255,
};

const linearSizes = [
  [1, 1, 1],
  [1, 7, 3],
  [3, 16, 8],
  [5, 17, 9],
  [7, 33, 19],
  [1, 300, 10],
  [20, 67, 13],
] as const;

function qconv2dCases(): KernelCase<'qconv2d'>[] {
  const cases = convShapes.flatMap(({ name, x, weight, y, attrs }, i) =>
    weightModes.map((mode, j): KernelCase<'qconv2d'> => {
      const biased = (i + j) % 3 !== 0;
      return {
        name: `${name}, ${mode}${biased ? ', bias' : ''}`,
        inputs: {
          x: integers(1, 'uint8', x),
          weight: integers(2, 'int8', weight),
          bias: biased ? integers(3, 'int32', [weight[0]], [-3000, 3000]) : undefined,
        },
        outputs: { y: output('uint8', y) },
        attrs: {
          ...attrs,
          ...requantizing(mode, weight[0], weight[1] * weight[2] * weight[3], i + j),
        },
        tolerance: 'exact',
      };
    }),
  );
  const { x, weight, y, attrs } = convShapes[1];
  return [
    ...cases,
    ...awkwardSums().map(asConvolution),
    {
      name: 'every sum half-way',
      inputs: { x: integers(4, 'uint8', x, [0, 6]), weight: integers(5, 'int8', weight, [-3, 3]) },
      outputs: { y: output('uint8', y) },
      attrs: { ...attrs, ...halving },
      tolerance: 'exact',
    },
    {
      name: 'largest sums',
      inputs: {
        x: full('uint8', [1, 3, 3, 512], 255),
        weight: full('int8', [3, 3, 3, 512], -128),
        bias: tensor('int32', [3], [-1_000_000, 0, 150_000_000]),
      },
      outputs: { y: output('uint8', [1, 3, 3, 3]) },
      attrs: {
        stride: [1, 1],
        padding: [1, 1],
        dilation: [1, 1],
        groups: 1,
        ...requantizing('one multiplier', 3, 1, 0),
        xZeroPoint: 0,
        multiplier: Float32Array.of(1.7e-6),
        yZeroPoint: 255,
      },
      tolerance: 'exact',
    },
  ];
}

function qconvTranspose2dCases(): KernelCase<'qconvTranspose2d'>[] {
  return transposedShapes.flatMap(({ name, x, weight, y, attrs }, i) =>
    weightModes.map((mode, j): KernelCase<'qconvTranspose2d'> => {
      const biased = (i + j) % 3 !== 0;
      const reaching = (weight[0] * weight[1] * weight[2]) / attrs.groups;
      return {
        name: `${name}, ${mode}${biased ? ', bias' : ''}`,
        inputs: {
          x: integers(1, 'uint8', x),
          weight: integers(2, 'int8', weight),
          bias: biased ? integers(3, 'int32', [y[3]], [-3000, 3000]) : undefined,
        },
        outputs: { y: output('uint8', y) },
        attrs: { ...attrs, ...requantizing(mode, y[3], reaching, i + j) },
        tolerance: 'exact',
      };
    }),
  );
}

/** Sums far past 2^24, which float32 can't hold, that come back to where every one counts. */
function returningSums(): KernelCase<'qlinear'> {
  const [m, k, n] = [3, 4608, 5];
  const x = integers(6, 'uint8', [m, k]);
  const weight = integers(7, 'int8', [n, k], [-127, 127]);
  for (let i = 0; i < k; i++) {
    for (let r = 0; r < m; r++)
      x.data[r * k + i] = i < k / 2 ? 129 + ((i * 7 + r) % 63) * 2 : x.data[r * k + k - 1 - i];
    for (let o = 0; o < n; o++)
      weight.data[o * k + i] = i < k / 2 ? 127 - 2 * ((i + o) % 5) : -weight.data[o * k + k - 1 - i];
  }
  for (let o = 0; o < n; o++) weight.data[o * k + k - 1] += 3 + o;
  return {
    name: 'sums past 2^24 that return',
    inputs: { x, weight },
    outputs: { y: output('uint8', [m, n]) },
    attrs: { ...halving, xZeroPoint: 0, multiplier: Float32Array.of(0.11), yZeroPoint: 0 },
    tolerance: 'exact',
  };
}

/** Sums of more than 24 bits whose product with the multiplier rounds otherwise unless the sum is rounded to float32 first. */
function roundedSums(multiplier: number): number[] {
  const m = Math.fround(multiplier);
  const found: number[] = [];
  for (let step = 20; step < 250; step++) {
    const middle = Math.round((step + 0.5) / m);
    for (let acc = middle - 40; acc <= middle + 40; acc++) {
      const once = Math.round(Math.fround(acc * m));
      if (once !== Math.round(Math.fround(Math.fround(acc) * m))) found.push(acc);
    }
  }
  return found;
}

/** Such sums as biases, under an input that is 0 everywhere. */
function roundedSumCase(): KernelCase<'qlinear'> {
  const multiplier = 9.3e-7;
  const sums = roundedSums(multiplier);
  return {
    name: 'sums that float32 rounds',
    inputs: {
      x: full('uint8', [2, 3], 3),
      weight: integers(8, 'int8', [sums.length, 3]),
      bias: tensor('int32', [sums.length], sums),
    },
    outputs: { y: output('uint8', [2, sums.length]) },
    attrs: { ...halving, multiplier: Float32Array.of(multiplier), yZeroPoint: 0 },
    tolerance: 'exact',
  };
}

const onePosition = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 } as const;

/** A linear layer as a convolution of images of one position. */
function asConvolution({
  name,
  inputs,
  outputs,
  attrs,
  tolerance,
}: KernelCase<'qlinear'>): KernelCase<'qconv2d'> {
  const images = <T extends { shape: readonly number[] }>(t: T): T => ({
    ...t,
    shape: [t.shape[0], 1, 1, t.shape[1]],
  });
  return {
    name,
    inputs: { ...inputs, x: images(inputs.x), weight: images(inputs.weight) },
    outputs: { y: images(outputs.y) },
    attrs: { ...onePosition, ...attrs },
    tolerance,
  };
}

function emptyBatch(): KernelCase<'qlinear'> {
  return {
    name: 'an empty batch',
    inputs: {
      x: integers(1, 'uint8', [0, 5]),
      weight: integers(2, 'int8', [3, 5]),
      bias: integers(3, 'int32', [3]),
    },
    outputs: { y: output('uint8', [0, 3]) },
    attrs: halving,
    tolerance: 'exact',
  };
}

/** A sum past 2^24 that the bias takes back. */
function biasedBack(): KernelCase<'qlinear'> {
  const [k, n] = [4608, 19];
  const x = full('uint8', [1, k], 255);
  const weight = full('int8', [n, k], 127);
  for (let o = 0; o < n; o++) weight.data[o * k] = o;
  const sum = (o: number) => 255 * (127 * (k - 1) + o);
  return {
    name: 'a bias that takes a large sum back',
    inputs: {
      x,
      weight,
      bias: tensor(
        'int32',
        [n],
        Array.from({ length: n }, (_, o) => 7 * o + 3 - sum(o)),
      ),
    },
    outputs: { y: output('uint8', [1, n]) },
    attrs: { ...halving, xZeroPoint: 0, yZeroPoint: 0 },
    tolerance: 'exact',
  };
}

/** Products with the multiplier far past int16, and past int32 where the multiplier is 1e6. */
const farBeyond = [1.3, 300, 1e6].map(
  (multiplier): KernelCase<'qlinear'> => ({
    name: `far beyond the output, multiplier ${multiplier}`,
    inputs: { x: integers(9, 'uint8', [5, 67]), weight: integers(10, 'int8', [19, 67]) },
    outputs: { y: output('uint8', [5, 19]) },
    attrs: { ...halving, multiplier: Float32Array.of(multiplier) },
    tolerance: 'exact',
  }),
);

const awkwardSums = () => [returningSums(), roundedSumCase(), biasedBack(), ...farBeyond, emptyBatch()];

function qlinearCases(): KernelCase<'qlinear'>[] {
  const cases = linearSizes.flatMap(([m, k, n], i) =>
    weightModes.map((mode, j): KernelCase<'qlinear'> => {
      const biased = (i + j) % 3 !== 0;
      return {
        name: `[${m},${k}] x [${n},${k}], ${mode}${biased ? ', bias' : ''}`,
        inputs: {
          x: integers(1, 'uint8', [m, k]),
          weight: integers(2, 'int8', [n, k]),
          bias: biased ? integers(3, 'int32', [n], [-3000, 3000]) : undefined,
        },
        outputs: { y: output('uint8', [m, n]) },
        attrs: requantizing(mode, n, k, i + j),
        tolerance: 'exact',
      };
    }),
  );
  return [
    ...cases,
    ...awkwardSums(),
    {
      name: 'every sum half-way',
      inputs: { x: integers(4, 'uint8', [9, 5], [0, 6]), weight: integers(5, 'int8', [7, 5], [-3, 3]) },
      outputs: { y: output('uint8', [9, 7]) },
      attrs: halving,
      tolerance: 'exact',
    },
    {
      name: 'largest sums',
      inputs: { x: full('uint8', [2, 4608], 255), weight: full('int8', [3, 4608], -128) },
      outputs: { y: output('uint8', [2, 3]) },
      attrs: { ...halving, xZeroPoint: 0, multiplier: Float32Array.of(1.5e-6), yZeroPoint: 255 },
      tolerance: 'exact',
    },
  ];
}

const dynamicInputs = [
  ['both signs', -3, 5],
  ['all positive', 0.5, 3],
  ['all negative', -3, -0.5],
  ['zeros', 0, 0],
  ['tiny', -1e-5, 1e-5],
] as const;

/** Of 8 and of 7 bits. */
function qlinearDynamicCases(): KernelCase<'qlinearDynamic'>[] {
  const tolerance = { atol: 1e-6, rtol: 1e-6 };
  return [false, true].flatMap((reduceRange): KernelCase<'qlinearDynamic'>[] => {
    const bits = reduceRange ? ', 7 bits' : '';
    const attrs = { weightScale: Float32Array.of(0.003), weightZeroPoint: Int32Array.of(0), reduceRange };
    return [
      ...linearSizes.flatMap(([m, k, n], i) =>
        dynamicInputs.map(([name, min, max], j): KernelCase<'qlinearDynamic'> => {
          const biased = (i + j) % 2 === 0;
          const perChannel = (i + j) % 3 === 0;
          const symmetric = (i + j) % 4 < 2;
          const c = perChannel ? n : 1;
          return {
            name: [
              `[${m},${k}] x [${n},${k}], ${name}${bits}`,
              ...(perChannel ? ['per channel'] : []),
              ...(symmetric ? [] : ['weight zero point']),
              ...(biased ? ['bias'] : []),
            ].join(', '),
            inputs: {
              x: floats(1, [m, k], min, max),
              weight: integers(2, 'int8', [n, k]),
              bias: biased ? floats(3, [n]) : undefined,
            },
            outputs: { y: output('float32', [m, n]) },
            attrs: {
              weightScale: Float32Array.from({ length: c }, (_, at) => 0.003 + 0.001 * (at % 5)),
              weightZeroPoint: Int32Array.from({ length: c }, (_, at) => (symmetric ? 0 : (at % 3) - 1)),
              reduceRange,
            },
            tolerance,
          };
        }),
      ),
      ...[...strange, ...denormals, 3e38].flatMap((special) =>
        (
          [
            [1, 1, 0],
            [1, 19, 0],
            [1, 19, 3],
            [1, 19, 15],
            [1, 19, 16],
            [1, 19, 18],
            [3, 11, 32],
            [2, 8, 7],
          ] as const
        ).map(([m, k, at]): KernelCase<'qlinearDynamic'> => {
          const x = floats(1, [m, k]);
          x.data[at] = special;
          return {
            name: `[${m},${k}] with ${special} at ${at}${bits}`,
            inputs: { x, weight: integers(2, 'int8', [9, k]), bias: floats(3, [9]) },
            outputs: { y: output('float32', [m, 9]) },
            attrs,
            tolerance,
          };
        }),
      ),
      {
        // x of (i + 1/2) · S at a scale that is no power of two; the weights pass each of them on.
        name: `half-way inputs${bits}`,
        inputs: {
          x: tensor('float32', [4, 66], halfWayRows(reduceRange ? 127 : 255)),
          weight: tensor(
            'int8',
            [66, 66],
            Array.from({ length: 66 * 66 }, (_, i) => Number(i % 67 === 0)),
          ),
        },
        outputs: { y: output('float32', [4, 66]) },
        attrs,
        tolerance,
      },
      {
        name: `an empty batch${bits}`,
        inputs: { x: floats(1, [0, 5]), weight: integers(2, 'int8', [3, 5]) },
        outputs: { y: output('float32', [0, 3]) },
        attrs,
        tolerance,
      },
      {
        name: `denormals alone${bits}`,
        inputs: { x: withSpecials([2, 3], [...denormals]), weight: integers(4, 'int8', [9, 3]) },
        outputs: { y: output('float32', [2, 9]) },
        attrs,
        tolerance,
      },
      {
        // Both ends lie half-way, and the zero point beside the middle: one of them is clamped.
        name: `ends alike${bits}`,
        inputs: {
          x: tensor('float32', [2, 3], [-1, 1, 0.5, 0, -0.25, 1]),
          weight: integers(4, 'int8', [9, 3]),
        },
        outputs: { y: output('float32', [2, 9]) },
        attrs,
        tolerance,
      },
      {
        name: `largest sums${bits}`,
        inputs: { x: full('float32', [5, 4608], 3), weight: full('int8', [3, 4608], -128) },
        outputs: { y: output('float32', [5, 3]) },
        attrs,
        tolerance,
      },
    ];
  });
}

/** Beside those of all convolutions: windows along one axis, and channels on both sides of whole vectors. */
const dynamicShapes: readonly ConvShapes[] = [
  ...convShapes,
  conv('1x5', [2, 1, 33, 7], 9, [1, 5], { padding: [0, 2] }),
  conv('1x3, stride 2', [1, 1, 30, 17], 8, [1, 3], { stride: [1, 2], padding: [0, 1] }),
  conv('5x1', [1, 19, 3, 6], 5, [5, 1], { padding: [2, 0] }),
  conv('1x1, stride 2, 16 channels', [1, 7, 5, 16], 24, [1, 1], { stride: [2, 2] }),
  conv('3x3, 16 channels', [1, 6, 9, 16], 16, [3, 3], { padding: [1, 1] }),
  conv('3x3, 17 channels', [1, 8, 7, 17], 19, [3, 3], { padding: [1, 1] }),
  conv('3x3, tiles of several images', [5, 3, 3, 8], 9, [3, 3], { padding: [1, 1] }),
  ...[1, 2, 3, 4, 5].map((k) => conv(`1x${k} on one channel`, [1, 3, 9, 1], 3, [1, k])),
];

/** Of 8 and of 7 bits. */
function qconv2dDynamicCases(): KernelCase<'qconv2dDynamic'>[] {
  const tolerance = { atol: 1e-6, rtol: 1e-6 };
  return [false, true].flatMap((reduceRange): KernelCase<'qconv2dDynamic'>[] => {
    const bits = reduceRange ? ', 7 bits' : '';
    const one = { weightScale: Float32Array.of(0.003), weightZeroPoint: Int32Array.of(0), reduceRange };
    const strangeAt = (shapes: ConvShapes, special: number, at: number): KernelCase<'qconv2dDynamic'> => {
      const x = floats(1, shapes.x);
      x.data[at] = special;
      return {
        name: `${shapes.name} with ${special} at ${at}${bits}`,
        inputs: { x, weight: integers(2, 'int8', shapes.weight), bias: floats(3, [shapes.y[3]]) },
        outputs: { y: output('float32', shapes.y) },
        attrs: { ...shapes.attrs, ...one },
        tolerance,
      };
    };
    const filled = (shapes: ConvShapes, value: number, weight: CaseTensor): KernelCase<'qconv2dDynamic'> => ({
      name: `${shapes.name}${bits}`,
      inputs: { x: full('float32', shapes.x, value), weight },
      outputs: { y: output('float32', shapes.y) },
      attrs: { ...shapes.attrs, ...one },
      tolerance,
    });
    const large = conv('largest sums', [1, 3, 3, 512], 3, [3, 3], { padding: [1, 1] });
    const seldom = conv('most weights the smallest', [1, 5, 6, 8], 9, [3, 3], { padding: [1, 1] });
    const halves = conv('half-way inputs', [1, 4, 66, 1], 1, [1, 1]);
    const padded = conv('half-way inputs, padded', [1, 4, 66, 1], 1, [3, 3], { padding: [1, 1] });
    const middle = Array.from({ length: 9 }, (_, i) => Number(i === 4));
    const [small, points] = [
      conv('3x3', [1, 4, 5, 3], 9, [3, 3], { padding: [1, 1] }),
      conv('1x1', [1, 4, 5, 3], 9, [1, 1]),
    ];
    const skipping = conv('1x1, stride 2', [1, 3, 4, 5], 7, [1, 1], { stride: [2, 2] });
    return [
      ...dynamicShapes.flatMap((shapes, i) =>
        dynamicInputs.map(([name, min, max], j): KernelCase<'qconv2dDynamic'> => {
          const outputs = shapes.weight[0];
          const biased = (i + j) % 2 === 0;
          const perChannel = (i + j) % 3 === 0;
          const symmetric = (i + j) % 4 < 2;
          const c = perChannel ? outputs : 1;
          return {
            name: [
              `${shapes.name}, ${name}${bits}`,
              ...(perChannel ? ['per channel'] : []),
              ...(symmetric ? [] : ['weight zero point']),
              ...(biased ? ['bias'] : []),
            ].join(', '),
            inputs: {
              x: floats(1, shapes.x, min, max),
              weight: integers(2, 'int8', shapes.weight),
              bias: biased ? floats(3, [outputs]) : undefined,
            },
            outputs: { y: output('float32', shapes.y) },
            attrs: {
              ...shapes.attrs,
              weightScale: Float32Array.from({ length: c }, (_, at) => 0.003 + 0.001 * (at % 5)),
              weightZeroPoint: Int32Array.from({ length: c }, (_, at) => (symmetric ? 0 : (at % 3) - 1)),
              reduceRange,
            },
            tolerance,
          };
        }),
      ),
      // At the first place, in a vector, at the last. 5 is in no window, and is of the range nevertheless.
      ...[...strange, ...denormals, 3e38, 7, -7].flatMap((special) => [
        ...[0, 29, 59].flatMap((at) => [strangeAt(small, special, at), strangeAt(points, special, at)]),
        strangeAt(skipping, special, 5),
      ]),
      ...[halves, padded].map(
        (shapes, i): KernelCase<'qconv2dDynamic'> => ({
          name: `${shapes.name}${bits}`,
          inputs: {
            x: tensor('float32', shapes.x, halfWayRows(reduceRange ? 127 : 255)),
            weight: tensor('int8', shapes.weight, i === 0 ? [1] : middle),
          },
          outputs: { y: output('float32', shapes.y) },
          attrs: { ...shapes.attrs, ...one },
          tolerance,
        }),
      ),
      filled(large, 3, full('int8', large.weight, -128)),
      filled(seldom, -1.5, integers(5, 'int8', seldom.weight, [-128, -127])),
    ];
  });
}

const operands = [
  { aZeroPoint: 3, bZeroPoint: 250, yZeroPoint: 190, clampMin: 180, clampMax: 200 },
  { aZeroPoint: 100, bZeroPoint: 30, yZeroPoint: 90, clampMin: 0, clampMax: 255 },
  { aZeroPoint: 0, bZeroPoint: 255, yZeroPoint: 128, clampMin: 128, clampMax: 255 },
  { aZeroPoint: 255, bZeroPoint: 0, yZeroPoint: 0, clampMin: 0, clampMax: 200 },
] as const;

/** `A = rint(ra · 2^shift)` as a caller makes it of the scales. */
function addMultipliers(ra: number, rb: number) {
  const shift = Math.min(21 - Math.floor(Math.log2(Math.max(ra, rb))), 31);
  return { aMultiplier: Math.round(ra * 2 ** shift), bMultiplier: Math.round(rb * 2 ** shift), shift };
}

export const quantizedCases: CasesOf<
  | 'quantize'
  | 'dequantize'
  | 'qlookup'
  | 'qconv2d'
  | 'qconvTranspose2d'
  | 'qlinear'
  | 'qlinearDynamic'
  | 'qconv2dDynamic'
  | 'qadd'
  | 'qmul'
  | 'qaffine'
  | 'qgroupNorm'
> = {
  quantize: quantizeCases,
  dequantize: () =>
    [targets[0], targets[2], targets[3]].flatMap(({ dtype, zeros }) =>
      shapes.flatMap((shape) =>
        [...new Set([1, shape[1]])].map((c) => ({
          name: `${dtype} [${shape}], ${c} scales`,
          inputs: { x: integers(1, dtype, shape) },
          outputs: { y: output('float32', shape) },
          attrs: {
            scale: Float32Array.from({ length: c }, (_, i) => 0.0371 + 0.01 * i),
            zeroPoint: Int32Array.from({ length: c }, (_, i) => zeros[i % 3]),
          },
          tolerance: 'exact',
        })),
      ),
    ),
  qlookup: () =>
    (['uint8', 'int8'] as const).flatMap((from) =>
      (['uint8', 'int8'] as const).flatMap((to) => {
        const entries = Array.from(
          { length: 256 },
          (_, i) => ((i * 89 + 17) % 256) - (to === 'int8' ? 128 : 0),
        );
        const bounds = entries.map((_, i) => Math.min(Math.max(i, 17), 201) - (to === 'int8' ? 128 : 0));
        const falling = [...bounds].reverse();
        const tableOf = (numbers: readonly number[]) =>
          to === 'int8' ? Int8Array.from(numbers) : Uint8Array.from(numbers);
        const tables = Object.entries({
          '': entries,
          ' between bounds': bounds,
          ' between bounds, falling': falling,
        });
        const everyByte = tensor(
          from,
          [256],
          Array.from({ length: 256 }, (_, i) => i - (from === 'int8' ? 128 : 0)),
        );
        return [
          ...sizes.flatMap((n) =>
            tables.map(([name, numbers]) => ({
              name: `${from} to ${to}${name}, n = ${n}`,
              inputs: { x: integers(n, from, [n]) },
              outputs: { y: output(to, [n]) },
              attrs: { table: tableOf(numbers) },
              tolerance: 'exact' as const,
            })),
          ),
          // Requantizations: lines, with halves to even among them, flat and steep, and one that is a step off at one place.
          ...[0.003, 1 / 3, 0.5, 0.6712, 1, 1.93, 3.2, 17].flatMap((slope) =>
            [0, 1].map((off) => {
              const line = Array.from({ length: 256 }, (_, i) => roundHalfEven((i - 97) * slope) + 131);
              line[100] += off;
              return {
                name: `${from} to ${to}, a line of slope ${slope}${off ? ', but for one number' : ''}`,
                inputs: { x: everyByte },
                outputs: { y: output(to, [256]) },
                attrs: {
                  table: tableOf(line.map((v) => Math.min(Math.max(v, 0), 255) - (to === 'int8' ? 128 : 0))),
                },
                tolerance: 'exact' as const,
              };
            }),
          ),
        ];
      }),
    ),
  qconv2d: qconv2dCases,
  qconvTranspose2d: qconvTranspose2dCases,
  qlinear: qlinearCases,
  qlinearDynamic: qlinearDynamicCases,
  qconv2dDynamic: qconv2dDynamicCases,
  qadd: () => [
    // Every pair: products of 31 bits beside a tie.
    ...[
      [0.3333, 0.8333],
      [0.7123, 1.2345],
    ].map(
      ([ra, rb]): KernelCase<'qadd'> => ({
        name: `all pairs, multipliers ${ra} and ${rb}`,
        inputs: {
          a: tensor(
            'uint8',
            [65536],
            Array.from({ length: 65536 }, (_, i) => i >> 8),
          ),
          b: tensor(
            'uint8',
            [65536],
            Array.from({ length: 65536 }, (_, i) => i & 255),
          ),
        },
        outputs: { y: output('uint8', [65536]) },
        attrs: { ...operands[1], ...addMultipliers(ra, rb) },
        tolerance: 'exact',
      }),
    ),
    ...operands.flatMap((zeros, i) =>
      (
        [
          [1, 1],
          [0.5, 0.5],
          [0.3333, 0.8333],
          [1.7, 0.001],
          [200, 100],
          [0.0004, 0.0009],
          [0.4999, 0.00002],
          [0.00001, 0.00003],
          [2 ** 21, 1.5],
        ] as const
      ).flatMap(([ra, rb]) =>
        sizes.map((n) => ({
          name: `n = ${n}, multipliers ${ra} and ${rb}, zero points ${i}`,
          inputs: { a: integers(n, 'uint8', [n]), b: integers(n + 1, 'uint8', [n]) },
          outputs: { y: output('uint8', [n]) },
          attrs: { ...zeros, ...addMultipliers(ra, rb) },
          tolerance: 'exact' as const,
        })),
      ),
    ),
  ],
  qmul: () =>
    operands.flatMap((zeros, i) =>
      [0.5, 0.0073, 0.0001, 3].flatMap((multiplier) =>
        sizes.map((n) => ({
          name: `n = ${n}, multiplier ${multiplier}, zero points ${i}`,
          inputs: { a: integers(n, 'uint8', [n]), b: integers(n + 1, 'uint8', [n]) },
          outputs: { y: output('uint8', [n]) },
          attrs: { ...zeros, multiplier: Math.fround(multiplier) },
          tolerance: 'exact',
        })),
      ),
    ),
  qgroupNorm: () =>
    (
      [
        [0, 5, 4, 2],
        [1, 1, 1, 1],
        [3, 1, 33, 1],
        [2, 7, 6, 3],
        [2, 35, 16, 16],
        [1, 9, 64, 4],
        [1, 300, 19, 1],
        [2, 6, 40, 5],
      ] as const
    ).flatMap(([n, l, c, groups]) =>
      [
        { scale: 0.02, inverse: 33.3, yZeroPoint: 117, eps: 1e-5 },
        { scale: 0.3, inverse: 7.1, yZeroPoint: 0, eps: 0.5 },
      ].map(({ scale, inverse, yZeroPoint, eps }) => ({
        name: `[${n},${l},${c}], ${groups} groups, zero point ${yZeroPoint}`,
        inputs: {
          x: integers(l + c, 'uint8', [n, l, c]),
          weight: floats(c, [c], -2, 2),
          bias: floats(c + 1, [c], -1, 1),
        },
        outputs: { y: output('uint8', [n, l, c]) },
        attrs: {
          groups,
          eps: Math.fround(eps),
          scale: Math.fround(scale),
          inverse: Math.fround(inverse),
          yZeroPoint,
        },
        // Half-way numbers, where a GPU divides.
        tolerance: { atol: 1, rtol: 0 },
      })),
    ),
  qaffine: () => [
    ...(
      [
        [0, 3],
        [3, 0],
        [1, 1],
        [5, 3],
        [3, 16],
        [2, 17],
        [7, 67],
        [130, 9],
      ] as const
    ).flatMap(([rows, channels]) =>
      operands.map(({ aZeroPoint, yZeroPoint, clampMin, clampMax }, i) => ({
        name: `[${rows},${channels}], zero points ${i}`,
        inputs: { x: integers(rows, 'uint8', [rows, channels]) },
        outputs: { y: output('uint8', [rows, channels]) },
        attrs: {
          xZeroPoint: aZeroPoint,
          positive: channelNumbers(channels, (c) => 0.3 + 0.071 * (c % 13)),
          negative: channelNumbers(channels, (c) => 0.9 - 0.113 * (c % 17)),
          shift: channelNumbers(channels, (c) => 40 * Math.sin(c)),
          ...{ yZeroPoint, clampMin, clampMax },
        },
        tolerance: 'exact' as const,
      })),
    ),
    // Every integer, half-way numbers, and products far beyond the bytes and int32.
    ...[
      [0.5, -0.5, 0],
      [1, 0.25, 0.5],
      [1e30, -1e30, 1],
      [3e-39, 1e-45, -0.5],
      [0.1, 0.1, 3e38],
    ].map(([positive, negative, shift]) => ({
      name: `all integers, ${positive}, ${negative}, ${shift}`,
      inputs: {
        x: tensor(
          'uint8',
          [256, 2],
          Array.from({ length: 512 }, (_, i) => i >> 1),
        ),
      },
      outputs: { y: output('uint8', [256, 2]) },
      attrs: {
        xZeroPoint: 113,
        positive: Float32Array.of(positive, 0.37),
        negative: Float32Array.of(negative, -0.11),
        shift: Float32Array.of(shift, -7),
        yZeroPoint: 121,
        clampMin: 0,
        clampMax: 255,
      },
      tolerance: 'exact' as const,
    })),
  ],
};

const channelNumbers = (channels: number, of: (c: number) => number) =>
  Float32Array.from({ length: channels }, (_, c) => of(c));
