import type { CalculateQparamsAttrs, FusedFakeQuantizeAttrs } from '@octet/backend';
import {
  type CasesOf,
  type CaseTensor,
  close,
  denormals,
  floats,
  full,
  integers,
  type KernelCase,
  onDiagonal,
  output,
  strange,
  summed,
  tensor,
  withSpecials,
} from './case';

const shapes = [
  [1, 1, 1],
  [1, 1, 67],
  [1, 5, 27],
  [3, 7, 2],
  [4, 19, 1],
  [0, 5, 3],
] as const;

const named = (shape: readonly number[]) => `[${shape}]`;

/** Ranges that exercise every branch: two-sided, one-sided, empty, tiny, huge, half-way zero points. */
const ranges: readonly (readonly [min: number, max: number])[] = [
  [-1.3, 2.7],
  [-1, 1],
  [-0.5, 0.25],
  [0, 6],
  [0.5, 3],
  [-4, -0.25],
  [0, 0],
  [3.25, 3.25],
  [-1e-6, 2e-6],
  [0, 1e-7],
  [-1e-7, 0],
  [-1e30, 3e30],
  [-127.5, 127.5],
  [-3, 252],
  // Without end, not a number, nothing seen yet, denormal, and as wide as float32 goes.
  [Number.NaN, Number.NaN],
  [-1, Number.NaN],
  [Number.NaN, 1],
  [-Infinity, 3],
  [-3, Infinity],
  [2, Infinity],
  [-Infinity, -2],
  [-Infinity, Infinity],
  [Infinity, Infinity],
  [-Infinity, -Infinity],
  [Infinity, -Infinity],
  [0, 1e-40],
  [-1e-40, 1e-40],
  [-1e-40, 0],
  [-1e38, 1e38],
];
const bounds = () => ({
  minVal: tensor(
    'float32',
    [ranges.length],
    ranges.map(([min]) => min),
  ),
  maxVal: tensor(
    'float32',
    [ranges.length],
    ranges.map(([, max]) => max),
  ),
});
const qparams = () => ({
  scale: output('float32', [ranges.length]),
  zeroPoint: output('int32', [ranges.length]),
});

const quantRanges = [
  [0, 255],
  [0, 127],
  [-128, 127],
  [-64, 63],
  [-127, 127],
  [0, 15],
] as const;

const steps = [0.03125, 0.0371, 0.5] as const;

/** Powers of two, so that x · (1 / scale) is exact: ties to even, both ends and beyond. */
function ties(): CaseTensor {
  const halves = Array.from({ length: 40 }, (_, i) => (i - 20) / 2);
  return tensor(
    'float32',
    [1, 1, 44],
    [...halves, -1000, 1000, -130.5, 130.5].map((v) => v * 0.25),
  );
}

function fakeQuantizeInputs(zeroPointDType: 'int32' | 'float32') {
  const random = shapes.flatMap((shape) =>
    quantRanges.map(([quantMin, quantMax]) => {
      const c = shape[1];
      const middle = Math.round((quantMin + quantMax) / 2);
      const zeros = Array.from({ length: c }, (_, i) => [middle, quantMin, quantMax][i % 3]);
      return {
        name: `${named(shape)} to ${quantMin}..${quantMax}, ${zeroPointDType} zero point`,
        x: floats(5, shape, -4, 4),
        scale: tensor(
          'float32',
          [c],
          Array.from({ length: c }, (_, i) => steps[i % 3]),
        ),
        zeroPoint: tensor(zeroPointDType, [c], zeros),
        attrs: { quantMin, quantMax },
      };
    }),
  );
  return [
    ...random,
    ...(
      [
        [0, 255],
        [-128, 127],
      ] as const
    ).flatMap(([quantMin, quantMax]) =>
      [1, 3, 7, 67].map((n) => ({
        name: `NaN, infinities and denormals, n = ${n}, to ${quantMin}..${quantMax}, ${zeroPointDType} zero point`,
        x: withSpecials([1, 1, n], [...strange, ...denormals]),
        scale: full('float32', [1], 0.0371),
        zeroPoint: full(zeroPointDType, [1], 3),
        attrs: { quantMin, quantMax },
      })),
    ),
    ...[0.0371, 0.1, 0.3].map((step) => ({
      name: `near ties at scale ${step}, ${zeroPointDType} zero point`,
      x: tensor(
        'float32',
        [1, 1, 255],
        Array.from({ length: 255 }, (_, i) => Math.fround((i - 127.5) * Math.fround(step))),
      ),
      scale: full('float32', [1], step),
      zeroPoint: full(zeroPointDType, [1], 0),
      attrs: { quantMin: -128, quantMax: 127 },
    })),
    {
      name: `ties and ends, ${zeroPointDType} zero point`,
      x: ties(),
      scale: full('float32', [1], 0.25),
      zeroPoint: full(zeroPointDType, [1], 3),
      attrs: { quantMin: 0, quantMax: 255 },
    },
    {
      name: `ties and ends of int8, ${zeroPointDType} zero point`,
      x: ties(),
      scale: full('float32', [1], 0.25),
      zeroPoint: full(zeroPointDType, [1], 0),
      attrs: { quantMin: -128, quantMax: 127 },
    },
  ];
}

/** Weights of channels: any, too small to divide by, the smallest that isn't, none at all, a NaN. */
const weights = [1.7, -0.3, 2 ** -31, 0, 3e-9, 40, Number.NaN, 2 ** -30, -(2 ** -31)];
/** With eps of 0.25 some are the square of a whole number. */
const variances = [0.75, 0, 3.75, 1, 0.3, 15.75, 0.75, 0.75, 0.75, -0.3, Infinity];

interface Folding {
  readonly weight: CaseTensor;
  readonly variance: CaseTensor;
  readonly factor: CaseTensor;
}
function folding(channels: number, finite: boolean): Folding {
  const of = (values: readonly number[]) => {
    const usable = finite ? values.filter((v) => v >= 0 && v < Infinity) : values;
    return tensor(
      'float32',
      [channels],
      Array.from({ length: channels }, (_, c) => usable[c % usable.length]),
    );
  };
  const weight = of(weights);
  const variance = of(variances);
  const factor = { ...weight, data: weight.data.map((w, c) => w / Math.sqrt(variance.data[c] + 0.25)) };
  return { weight, variance, factor };
}
/** Of x [o,c,i]: none, one a channel. All finite where one range is for all. */
const folded = (shape: readonly number[], perChannel: boolean) => [undefined, folding(shape[1], !perChannel)];

const fusedShapes = [...shapes, [2, 9, 17], [9, 4, 5]] as const;

type FusedState = Record<'minVal' | 'maxVal' | 'scale' | 'zeroPoint', CaseTensor>;

function fusedState(n: number, fresh: boolean): FusedState {
  return {
    minVal: fresh ? full('float32', [n], Infinity) : floats(2, [n], -4, 0),
    maxVal: fresh ? full('float32', [n], -Infinity) : floats(3, [n], 0, 6),
    scale: tensor(
      'float32',
      [n],
      Array.from({ length: n }, (_, i) => steps[i % 3]),
    ),
    zeroPoint: full('int32', [n], 3),
  };
}

function fusedCases(): KernelCase<'fusedMovingAvgObsFakeQuant'>[] {
  const of = (
    name: string,
    x: CaseTensor,
    fold: Folding | undefined,
    state: FusedState,
    given: Omit<FusedFakeQuantizeAttrs, 'eps'>,
  ) => {
    // Without a variance nobody looks at eps.
    const attrs = { ...given, eps: fold && given.symmetric ? 1 : 0.25 };
    return {
      name: `${name}${fold ? ', folded' : ''}, ${JSON.stringify(attrs)}`,
      inputs: fold ? { x, weight: fold.weight, variance: fold.variance } : { x },
      outputs: {
        ...{ y: output('float32', x.shape), mask: output('bool', x.shape), ...state },
        ...(fold ? { factor: output('float32', fold.factor.shape) } : {}),
      },
      attrs,
      tolerance: close,
    };
  };
  const bits8 = { quantMin: 0, quantMax: 255, symmetric: false };
  const signed = { quantMin: -128, quantMax: 127, symmetric: true };
  return [
    ...fusedShapes.flatMap((shape) =>
      [true, false].flatMap((perChannel) =>
        folded(shape, perChannel).flatMap((fold) =>
          [
            { ...bits8, averagingConstant: 0.01 },
            { ...signed, averagingConstant: 0.5 },
            { ...bits8, averagingConstant: null },
          ].flatMap((attrs) =>
            [true, false].map((fresh) =>
              of(
                `${named(shape)}, ${perChannel ? 'a range each' : 'one range'}, ${fresh ? 'fresh' : 'used'}`,
                floats(1, shape, -3, 5),
                fold,
                fusedState(perChannel ? shape[1] : 1, fresh),
                attrs,
              ),
            ),
          ),
        ),
      ),
    ),
    ...quantRanges.map(([quantMin, quantMax]) =>
      of('a range of integers', floats(4, [1, 1, 67], -3, 5), undefined, fusedState(1, true), {
        ...{ quantMin, quantMax, symmetric: quantMin < 0, averagingConstant: 0.01 },
      }),
    ),
    ...[1, 3, 7, 67].flatMap((n) =>
      [undefined, folding(1, true)].flatMap((fold) =>
        [null, 0.01].map((averagingConstant) =>
          of(
            `NaN, infinities and denormals, n = ${n}`,
            withSpecials([1, 1, n], [...strange, ...denormals]),
            fold,
            fusedState(1, false),
            { ...bits8, averagingConstant },
          ),
        ),
      ),
    ),
    of(
      'zero times infinity',
      withSpecials([1, 3, 9], [Infinity, 0]),
      folding(3, false),
      fusedState(3, true),
      {
        ...signed,
        averagingConstant: 0.01,
      },
    ),
  ];
}

const fractional = [0.5, 1.5, 2.4999, 100.7, 126.5];

export const observerCases: CasesOf<
  | 'observeMinMax'
  | 'calculateQparams'
  | 'chooseQparams'
  | 'fakeQuantize'
  | 'fusedMovingAvgObsFakeQuant'
  | 'fusedMovingAvgObsFakeQuantBackward'
  | 'learnableFakeQuantizeBackward'
> = {
  observeMinMax: () => [
    ...[1, 3, 4, 5, 7, 8, 9, 19, 33].flatMap((n) =>
      [...strange, ...denormals].flatMap((special) =>
        [null, 0.01].map((averagingConstant) => ({
          name: `[1,${n},${n}] with ${special} at each position, averaging ${averagingConstant}`,
          inputs: { x: { ...onDiagonal(n, special), shape: [1, n, n] } },
          outputs: { minVal: floats(2, [n], -4, 0), maxVal: floats(3, [n], 0, 6) },
          attrs: { averagingConstant },
          tolerance: close,
        })),
      ),
    ),
    ...shapes.flatMap((shape) =>
      [null, 0.01, 0.5].flatMap((averagingConstant) =>
        [true, false].map((fresh) => ({
          name: `${named(shape)}, averaging ${averagingConstant}, ${fresh ? 'fresh' : 'used'}`,
          inputs: { x: floats(1, shape, -3, 5) },
          outputs: {
            minVal: fresh ? full('float32', [shape[1]], Infinity) : floats(2, [shape[1]], -4, 0),
            maxVal: fresh ? full('float32', [shape[1]], -Infinity) : floats(3, [shape[1]], 0, 6),
          },
          attrs: { averagingConstant },
          tolerance: close,
        })),
      ),
    ),
  ],
  calculateQparams: () =>
    quantRanges.flatMap(([quantMin, quantMax]) =>
      [true, false].flatMap((symmetric) =>
        [2 ** -23, 2 ** -12].map((eps) => {
          const attrs: CalculateQparamsAttrs = {
            quantMin,
            quantMax,
            symmetric,
            symmetricZeroPoint: quantMin < 0 ? 0 : Math.floor((quantMin + quantMax) / 2),
            eps,
          };
          return {
            name: `${symmetric ? 'symmetric' : 'affine'} ${quantMin}..${quantMax}, eps ${eps}`,
            inputs: bounds(),
            outputs: qparams(),
            attrs,
            tolerance: { atol: 0, rtol: 1e-6 },
          };
        }),
      ),
    ),
  chooseQparams: () =>
    quantRanges.flatMap(([quantMin, quantMax]) =>
      [true, false].map((symmetric) => ({
        name: `${symmetric ? 'symmetric' : 'affine'} ${quantMin}..${quantMax}`,
        inputs: bounds(),
        outputs: qparams(),
        attrs: { quantMin, quantMax, symmetric },
        tolerance: { atol: 0, rtol: 1e-6 },
      })),
    ),
  fakeQuantize: () => [
    ...(['int32', 'float32'] as const)
      .flatMap(fakeQuantizeInputs)
      .map(({ name, x, scale, zeroPoint, attrs }) => ({
        name,
        inputs: { x, scale, zeroPoint },
        outputs: { y: output('float32', x.shape), mask: output('bool', x.shape) },
        attrs,
        tolerance: close,
      })),
    {
      name: 'fractional float32 zero points',
      inputs: {
        x: floats(6, [2, 5, 9], -4, 4),
        scale: full('float32', [5], 0.03125),
        zeroPoint: tensor('float32', [5], fractional),
      },
      outputs: { y: output('float32', [2, 5, 9]), mask: output('bool', [2, 5, 9]) },
      attrs: { quantMin: 0, quantMax: 127 },
      tolerance: close,
    },
  ],
  fusedMovingAvgObsFakeQuant: fusedCases,
  fusedMovingAvgObsFakeQuantBackward: () =>
    fusedShapes.flatMap((shape) =>
      ['numbers', 'NaN and infinities'].map((what) => {
        const { weight, factor } = folding(shape[1], false);
        return {
          name: `${named(shape)}, ${what}`,
          inputs: {
            x: what === 'numbers' || shape[0] === 0 ? floats(1, shape, -3, 5) : withSpecials(shape),
            y: floats(2, shape, -3, 5),
            mask: integers(3, 'bool', shape),
            gradY: floats(4, shape),
            ...{ weight, factor },
          },
          outputs: { gradX: output('float32', shape), gradWeight: output('float32', [shape[1]]) },
          attrs: {},
          tolerance: summed,
        };
      }),
    ),
  learnableFakeQuantizeBackward: () => [
    ...fakeQuantizeInputs('float32').map(({ name, x, scale, zeroPoint, attrs }) => ({
      name,
      inputs: { x, scale, zeroPoint, gradY: floats(7, x.shape) },
      outputs: {
        gradX: output('float32', x.shape),
        gradScale: output('float32', scale.shape),
        gradZeroPoint: output('float32', scale.shape),
      },
      attrs: { ...attrs, gradFactor: 0.05 },
      // A clamped element weighs up to 255.
      tolerance: { atol: 1e-4, rtol: 1e-4 },
    })),
    {
      name: 'fractional zero points',
      inputs: {
        x: floats(6, [2, 5, 9], -4, 4),
        scale: full('float32', [5], 0.03125),
        zeroPoint: tensor('float32', [5], fractional),
        gradY: floats(8, [2, 5, 9]),
      },
      outputs: {
        gradX: output('float32', [2, 5, 9]),
        gradScale: output('float32', [5]),
        gradZeroPoint: output('float32', [5]),
      },
      attrs: { quantMin: 0, quantMax: 127, gradFactor: 1 },
      tolerance: summed,
    },
  ],
};
