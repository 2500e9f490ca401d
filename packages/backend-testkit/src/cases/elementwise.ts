import {
  type Clamped,
  type ElementwiseKernels,
  elementwiseFunctions,
  type RelationName,
  relations,
  type StorageDType,
} from '@octet/backend';
import {
  type CaseOutput,
  type CasesOf,
  type CaseTensor,
  close,
  floats,
  full,
  integers,
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

const int32Range = [-1000, 1000] as const;

/** Pairs of int32, at the ends of the range too. */
function integerBinary(
  [minA, maxA]: readonly [number, number] = int32Range,
  [minB, maxB]: readonly [number, number] = int32Range,
): Unary<object, 'a' | 'b', 'y'>[] {
  const one = (name: string, a: CaseTensor, b: CaseTensor, n: number) => ({
    name: `int32, ${name}`,
    inputs: { a, b },
    outputs: { y: output('int32', [n]) },
    attrs: {},
    tolerance: 'exact' as const,
  });
  const ends = [-(2 ** 31), 2 ** 31 - 1, -1, 1, 2, 46341, -46341, 65537];
  const all = ends.flatMap((a) => ends.map((b) => [a, b] as const));
  return [
    ...[0, 1, 7, 67, 1031].flatMap((n) => {
      const [a, b] = [integers(n, 'int32', [n], [minA, maxA]), integers(n + 1, 'int32', [n], [minB, maxB])];
      return [
        one(`n = ${n}`, a, b, n),
        one(`n = ${n}, a stands for all`, full('int32', [1], maxA), b, n),
        one(`n = ${n}, b stands for all`, a, full('int32', [1], maxB), n),
      ];
    }),
    one(
      'ends',
      tensor(
        'int32',
        [all.length],
        all.map(([a]) => a),
      ),
      tensor(
        'int32',
        [all.length],
        all.map(([, b]) => b),
      ),
      all.length,
    ),
  ];
}

/** Where rounding decides which multiple lies below, quotients are whole by far or not at all. */
const divisions = () => binary(0.5, 3);

const comparable = ['float32', 'int32', 'uint8', 'int8', 'bool', 'float64'] as const;

/** Few different values, so that many are equal. */
function coarse(seed: number, dtype: StorageDType, n: number): CaseTensor {
  const low = dtype === 'uint8' || dtype === 'bool' ? 0 : -2;
  return tensor(dtype, [n], floats(seed, [n], low, dtype === 'bool' ? 2 : 3).data.map(Math.floor));
}

const relationCases = (): Unary<object, 'a' | 'b', 'y'>[] => {
  const one = (name: string, a: CaseTensor, b: CaseTensor, n: number) => ({
    name: `${a.dtype}, ${name}`,
    inputs: { a, b },
    outputs: { y: output('bool', [n]) },
    attrs: {},
    tolerance: 'exact' as const,
  });
  const strange = [Number.NaN, Infinity, -Infinity, 0, -0, 1e-40, -1e-40, 1, -1, 3e38, 1.5, 2 ** 24];
  const pairs = strange.flatMap((a) => strange.map((b) => [a, b] as const));
  const column = (dtype: 'float32' | 'float64', at: 0 | 1) =>
    tensor(
      dtype,
      [pairs.length],
      pairs.map((pair) => pair[at]),
    );
  const ends = [-(2 ** 31), 2 ** 31 - 1, 2 ** 24, 2 ** 24 + 1, 0];
  const many = ends.flatMap((a) => ends.map((b) => [a, b] as const));
  return [
    ...comparable.flatMap((dtype) =>
      [0, 1, 3, 7, 16, 31, 67, 1031].flatMap((n) => {
        const [a, b] = [coarse(n, dtype, n), coarse(n + 1, dtype, n)];
        return [
          one(`n = ${n}`, a, b, n),
          one(`n = ${n}, a stands for all`, full(dtype, [1], 1), b, n),
          one(`n = ${n}, b stands for all`, a, full(dtype, [1], 1), n),
        ];
      }),
    ),
    ...(['float32', 'float64'] as const).map((dtype) =>
      one('strange ones', column(dtype, 0), column(dtype, 1), pairs.length),
    ),
    one(
      'ends',
      tensor(
        'int32',
        [many.length],
        many.map(([a]) => a),
      ),
      tensor(
        'int32',
        [many.length],
        many.map(([, b]) => b),
      ),
      many.length,
    ),
    ...(['uint8', 'int8'] as const).map((dtype) =>
      one('all of 8 bits', integers(1, dtype, [259]), integers(2, dtype, [259]), 259),
    ),
  ];
};

const special: Partial<CasesOf<keyof ElementwiseKernels>> = {
  add: () => [...binary(), ...clampedBinary(), ...integerBinary()],
  sub: () => [...binary(), ...integerBinary()],
  mul: () => [...binary(), ...clampedBinary(), ...integerBinary()],
  div: () => binary(0.5, 3),
  maximum: () => [...binary(), ...integerBinary()],
  minimum: () => [...binary(), ...integerBinary()],
  power: () => [
    ...binary().map(({ inputs: { a, b }, ...rest }) => ({
      ...rest,
      // Powers of negative numbers are for whole exponents.
      inputs: { a: { ...a, data: a.data.map((v) => Math.abs(v) + 0.25) }, b },
    })),
    {
      name: 'negative ones to whole powers',
      inputs: {
        a: tensor('float32', [8], [-2, -1, -0.5, -3, 0, -1.5, 1, -1]),
        b: tensor('float32', [8], [3, -7, 2, 0, 0, -3, 5, 6]),
      },
      outputs: { y: output('float32', [8]) },
      attrs: {},
      tolerance: close,
    },
    ...integerBinary([-9, 9], [0, 9]),
  ],
  fmod: () => [...divisions(), ...integerBinary(int32Range, [1, 9])],
  remainder: () => [...divisions(), ...integerBinary(int32Range, [1, 9])],
  floorDivide: () => [...divisions(), ...integerBinary(int32Range, [1, 9])],
  atan2: () => binary(),
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

const whereCases = (): Unary<object, 'mask' | 'a' | 'b', 'y'>[] => {
  const one = (name: string, [mask, a, b]: readonly CaseTensor[], n: number) => ({
    name,
    inputs: { mask, a, b },
    outputs: { y: output(a.dtype, [n]) },
    attrs: {},
    tolerance: 'exact' as const,
  });
  const values = (seed: number, dtype: (typeof comparable)[number], n: number) =>
    dtype === 'float32' || dtype === 'float64' ? floats(seed, [n], -2, 2, dtype) : integers(seed, dtype, [n]);
  return [
    ...comparable.flatMap((dtype) =>
      [0, 1, 3, 7, 16, 19, 67, 1031].flatMap((n) => {
        const [mask, a, b] = [coarse(n, 'bool', n), values(n + 1, dtype, n), values(n + 2, dtype, n)];
        return [
          one(`n = ${n}, ${dtype}`, [mask, a, b], n),
          one(`n = ${n}, ${dtype}, a stands for all`, [mask, values(9, dtype, 1), b], n),
          one(`n = ${n}, ${dtype}, b stands for all`, [mask, a, values(8, dtype, 1)], n),
        ];
      }),
    ),
    ...[0, 1].map((v) =>
      one(`the mask ${v} stands for all`, [full('bool', [1], v), floats(1, [19]), floats(2, [19])], 19),
    ),
    ...[7, 67].map((n) =>
      one(`NaN and infinities, n = ${n}`, [coarse(n, 'bool', n), withSpecials([n]), floats(5, [n])], n),
    ),
  ];
};

const relationsOf = Object.fromEntries(
  (Object.keys(relations) as RelationName[]).map((name) => [name, relationCases]),
) as unknown as CasesOf<RelationName>;

export const elementwiseCases: CasesOf<keyof ElementwiseKernels | 'applyMask' | 'where'> = {
  ...(fromRows() as unknown as CasesOf<keyof ElementwiseKernels>),
  ...special,
  ...relationsOf,
  where: whereCases,
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
