import { type Clamped, type ElementwiseKernels, elementwiseFunctions } from '@octet/backend';
import {
  type CaseOutput,
  type CasesOf,
  type CaseTensor,
  close,
  floats,
  output,
  type Tolerance,
  tensor,
  withSpecials,
} from './case';

const sizes = [0, 1, 3, 7, 64, 67, 1031];
// Where the piecewise functions bend, and the numbers beside.
const bends = [
  -100, -7, -6, -3.5, -3, -2.999, -1, -0.5, -1e-8, -0, 0, 1e-8, 0.5, 1, 2.999, 3, 3.5, 5.999, 6, 6.5, 100,
];

interface Unary<A, I extends string, O extends string> {
  name: string;
  inputs: { [N in I]: CaseTensor };
  outputs: { [N in O]: CaseOutput };
  attrs: A;
  tolerance: Tolerance;
}

/** x → y on all sizes, and on the bends unless they lie outside of the function's domain. */
function unary<A extends object>(
  attrs: A,
  { min = -8, max = 8, tolerance = close }: { min?: number; max?: number; tolerance?: Tolerance } = {},
): Unary<A, 'x', 'y'>[] {
  const one = (name: string, x: CaseTensor) => ({
    name: `${name}${Object.keys(attrs).length ? ` ${JSON.stringify(attrs)}` : ''}`,
    inputs: { x },
    outputs: { y: output(x.dtype, x.shape) },
    attrs,
    tolerance,
  });
  const inside = bends.filter((v) => v >= min && v <= max);
  return [
    ...sizes.map((n) => one(`n = ${n}`, floats(n, [n], min, max))),
    one('bends', tensor('float32', [inside.length], inside)),
    ...[1, 3, 7, 67].map((n) => one(`NaN and infinities, n = ${n}`, withSpecials([n]))),
    one('float64', floats(1, [5], min, max, 'float64')),
  ];
}

/** source, gradY → gradX, where source is x or y. */
function backward<A extends object, I extends 'x' | 'y'>(
  source: I,
  attrs: A,
  { min = -8, max = 8, tolerance = close }: { min?: number; max?: number; tolerance?: Tolerance } = {},
): Unary<A, I | 'gradY', 'gradX'>[] {
  const one = (name: string, x: CaseTensor) => ({
    name: `${name}${Object.keys(attrs).length ? ` ${JSON.stringify(attrs)}` : ''}`,
    inputs: {
      [source]: x,
      gradY: floats(99, x.shape, -2, 2, x.dtype as 'float32'),
    } as { [N in I | 'gradY']: CaseTensor },
    outputs: { gradX: output(x.dtype, x.shape) },
    attrs,
    tolerance,
  });
  const inside = bends.filter((v) => v >= min && v <= max);
  return [
    ...sizes.map((n) => one(`n = ${n}`, floats(n, [n], min, max))),
    one('bends', tensor('float32', [inside.length], inside)),
    ...[1, 7, 67].map((n) => one(`NaN and infinities, n = ${n}`, withSpecials([n]))),
    one('float64', floats(1, [5], min, max, 'float64')),
  ];
}

function binary(min = -3, max = 3): Unary<object, 'a' | 'b', 'y'>[] {
  const one = (name: string, a: CaseTensor, b: CaseTensor, n: number) => ({
    name,
    inputs: { a, b },
    outputs: { y: output(a.dtype, [n]) },
    attrs: {},
    tolerance: close,
  });
  return [
    ...sizes.flatMap((n) => [
      one(`n = ${n}`, floats(n, [n]), floats(n + 1, [n], min, max), n),
      one(`n = ${n}, a stands for all`, floats(n, [1]), floats(n + 1, [n], min, max), n),
      one(`n = ${n}, b stands for all`, floats(n, [n]), floats(n + 1, [1], min, max), n),
    ]),
    ...[1, 7, 67].flatMap((n) => [
      one(`NaN and infinities in a, n = ${n}`, withSpecials([n]), floats(n, [n], min, max), n),
      one(`NaN and infinities in b, n = ${n}`, floats(n, [n]), withSpecials([n]), n),
      one(
        `NaN and infinities in a, b stands for all, n = ${n}`,
        withSpecials([n]),
        floats(n, [1], min, max),
        n,
      ),
    ]),
    one('float64', floats(1, [5], -2, 2, 'float64'), floats(2, [5], min, max, 'float64'), 5),
  ];
}

/** With bounds of the output. */
function clampedBinary(): Unary<Clamped, 'a' | 'b', 'y'>[] {
  return (
    [
      [0, Infinity],
      [-0.5, 1.5],
    ] as const
  ).flatMap((clamp) =>
    [1, 7, 67, 1031].flatMap((n) => [
      {
        name: `n = ${n}, clamp ${clamp}`,
        inputs: { a: floats(n, [n]), b: floats(n + 1, [n]) },
        outputs: { y: output('float32', [n]) },
        attrs: { clamp },
        tolerance: close,
      },
      {
        name: `NaN and infinities, n = ${n}, clamp ${clamp}`,
        inputs: { a: withSpecials([n]), b: floats(n + 1, [1]) },
        outputs: { y: output('float32', [n]) },
        attrs: { clamp },
        tolerance: close,
      },
    ]),
  );
}

const special: Partial<CasesOf<keyof ElementwiseKernels>> = {
  add: () => [...binary(), ...clampedBinary()],
  sub: () => binary(),
  mul: () => [...binary(), ...clampedBinary()],
  div: () => binary(0.5, 3),
  // Powers of negative numbers are for whole exponents.
  pow: () => [
    ...[0, 1, 2, 3].flatMap((exponent) => unary({ exponent })),
    ...[0.5, -1, -1.5].flatMap((exponent) => unary({ exponent }, { min: 0.1, max: 9 })),
  ],
};

/** The cases of each row, by the attributes and the domain that it says. */
function fromRows(): Record<string, () => Unary<object, string, string>[]> {
  const found: Record<string, () => Unary<object, string, string>[]> = {};
  for (const [name, row] of Object.entries(elementwiseFunctions)) {
    const { from = 'x', examples = [{}], domain = [], backwardDomain = domain } = row;
    const tolerance = row.exact ? 'exact' : close;
    const within = ([min, max]: readonly number[]) => ({ min, max, tolerance }) as const;
    found[name] = () => examples.flatMap((attrs) => unary(attrs, within(domain)));
    if (!row.backward) continue;
    found[`${name}Backward`] = () =>
      examples.flatMap((attrs) => backward(from, attrs, within(backwardDomain)));
  }
  return found;
}

export const elementwiseCases: CasesOf<keyof ElementwiseKernels | 'applyMask'> = {
  ...(fromRows() as unknown as CasesOf<keyof ElementwiseKernels>),
  ...special,
  applyMask: () =>
    [...sizes, 19].map((n) => ({
      name: `n = ${n}`,
      inputs: {
        x: floats(n, [n]),
        mask: tensor(
          'bool',
          [n],
          floats(n + 1, [n]).data.map((v) => Number(v > 0)),
        ),
      },
      outputs: { y: output('float32', [n]) },
      attrs: { scale: n === 19 ? 2 : 1.25 },
      tolerance: close,
    })),
};
