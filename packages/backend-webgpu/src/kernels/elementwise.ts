import type { Clamped, IntegerName, KernelName, KernelTable } from '@octet/backend';
import type { Gpu } from '../gpu';
import { type GpuKernel, type GpuTensor, type KernelFamily, size } from '../kernel';
import { program, type WgslElement } from '../program';
import { boundsOf } from '../wgsl/gemm';
import { arcs, areas, errorFunction, hyperbolic, nearOne, turns } from '../wgsl/one';
import { accurateTanh, bounded, limits, normal, power, rectified } from '../wgsl/special';
import { angles, arctangent, extremes, integerPowers, integerQuotients, powers, rests } from '../wgsl/two';

type Tensors = Readonly<Record<string, GpuTensor>>;
/** What a call becomes: up to four numbers, `u.p`, `u.q`, `u.r` and `u.s`. */
type Numbers<N extends KernelName> = (
  attrs: KernelTable[N]['attrs'],
  tensors: Tensors,
) => readonly [p: number, q?: number, r?: number, s?: number];
/** A kernel's expression, which is an element of its output. */
type Rules<N extends KernelName> = {
  readonly [K in N]: string | readonly [expression: string, numbers: Numbers<K>];
};

const declared = [
  accurateTanh,
  angles,
  arcs,
  arctangent,
  areas,
  bounded,
  errorFunction,
  extremes,
  hyperbolic,
  integerPowers,
  integerQuotients,
  limits,
  nearOne,
  normal,
  power,
  powers,
  rectified,
  rests,
  turns,
];

/** Declares the functions that a text calls, and those that they call, no others. */
function functionsOf(text: string, found: readonly string[] = []): readonly string[] {
  const more = declared.filter(
    (declarations) =>
      !found.includes(declarations) &&
      [...declarations.matchAll(/fn (\w+)/g)].some(([, name]) => text.includes(`${name}(`)),
  );
  return more.length === 0 ? found : functionsOf(more.join('\n'), [...found, ...more]);
}

/** Kernels with the same inputs and output, one invocation for each element. */
function family<N extends KernelName>(
  inputs: Readonly<Record<string, WgslElement>>,
  output: string,
  rules: Rules<N>,
  element: 'f32' | 'i32' = 'f32',
): KernelFamily<N> {
  const kernels = Object.entries(
    rules as Readonly<Record<string, string | readonly [string, Numbers<N>]>>,
  ).map(([name, rule]) => {
    const [expression, numbers] = typeof rule === 'string' ? [rule] : rule;
    const elementwise = program({
      name,
      inputs,
      outputs: { [output]: element },
      uniforms: { n: 'u32', p: 'f32', q: 'f32', r: 'f32', s: 'f32' },
      workgroup: [64],
      include: functionsOf(expression),
      main: `if (index < u.n) { ${output}[index] = ${expression}; }`,
    });
    return { name, elementwise, numbers };
  });
  return (gpu) =>
    Object.fromEntries(
      kernels.map(({ name, elementwise, numbers }) => [
        name,
        (tensors: Tensors, attrs: KernelTable[N]['attrs']) => {
          const n = size(tensors[output]);
          const [p, q = 0, r = 0, s = 0] = numbers?.(attrs, tensors) ?? [0];
          gpu.run(elementwise, tensors, { n, p, q, r, s }, Math.ceil(n / 64));
        },
      ]),
    ) as unknown as { [K in N]: GpuKernel<K> };
}

/** Steps through a and b: 0 for the one element that stands for all. */
const steps = (_: object, { a, b }: Tensors): [number, number] => [
  Number(size(a) !== 1),
  Number(size(b) !== 1),
];
const stepsAndBounds = ({ clamp }: Clamped, tensors: Tensors): [number, number, number, number] => {
  const { low, high } = boundsOf(clamp);
  return [...steps({}, tensors), low, high];
};
const a = 'a[index * u32(u.p)]';
const b = 'b[index * u32(u.q)]';

const binary = family({ a: 'f32', b: 'f32' }, 'y', {
  add: [`bounded(${a} + ${b}, u.r, u.s)`, stepsAndBounds],
  sub: [`${a} - ${b}`, steps],
  mul: [`bounded(${a} * ${b}, u.r, u.s)`, stepsAndBounds],
  div: [`${a} / ${b}`, steps],
  maximum: [`larger(${a}, ${b})`, steps],
  minimum: [`smaller(${a}, ${b})`, steps],
  power: [`powerOf(${a}, ${b})`, steps],
  fmod: [`restOf(${a}, ${b})`, steps],
  remainder: [`remainderOf(${a}, ${b})`, steps],
  floorDivide: [`floorQuotient(${a}, ${b})`, steps],
  atan2: [`angleOf(${a}, ${b})`, steps],
});

const integers = family<IntegerName>(
  { a: 'i32', b: 'i32' },
  'y',
  {
    add: [`${a} + ${b}`, steps],
    sub: [`${a} - ${b}`, steps],
    mul: [`${a} * ${b}`, steps],
    maximum: [`max(${a}, ${b})`, steps],
    minimum: [`min(${a}, ${b})`, steps],
    power: [`integerPower(${a}, ${b})`, steps],
    fmod: [`integerRest(${a}, ${b})`, steps],
    remainder: [`integerRemainder(${a}, ${b})`, steps],
    floorDivide: [`integerFloor(${a}, ${b})`, steps],
  },
  'i32',
);

/** By the dtype of y. */
function arithmetic(gpu: Gpu): ReturnType<typeof binary> {
  const [floats, ints] = [binary(gpu), integers(gpu)] as unknown as Readonly<
    Record<string, (tensors: Tensors, attrs: object) => void>
  >[];
  const both = Object.entries(floats).map(([name, ofFloats]) => {
    const ofInts = ints[name] ?? ofFloats;
    const kernel: typeof ofFloats = (tensors, attrs) =>
      (tensors.y.dtype === 'int32' ? ofInts : ofFloats)(tensors, attrs);
    return [name, kernel];
  });
  return Object.fromEntries(both) as unknown as ReturnType<typeof binary>;
}

const unary = family({ x: 'f32' }, 'y', {
  affine: ['x[index] * u.p + u.q', ({ scale, shift }) => [scale, shift]],
  exp: 'exponential(x[index])',
  log: 'logarithm(x[index])',
  sqrt: 'keepingNan(x[index], sqrt(x[index]))',
  abs: 'abs(x[index])',
  sign: 'keepingNan(x[index], sign(x[index]))',
  floor: 'keepingNan(x[index], floor(x[index]))',
  ceil: 'keepingNan(x[index], ceil(x[index]))',
  trunc: 'keepingNan(x[index], trunc(x[index]))',
  round: 'keepingNan(x[index], round(x[index]))',
  sin: 'sineOf(x[index], 0)',
  cos: 'sineOf(x[index], 1)',
  tan: 'sineOf(x[index], 0) / sineOf(x[index], 1)',
  asin: 'arcsine(x[index])',
  acos: 'arccosine(x[index])',
  atan: 'arctangent(x[index])',
  sinh: 'keepingNan(x[index], hyperbolicSine(x[index]))',
  cosh: 'keepingNan(x[index], hyperbolicCosine(x[index]))',
  asinh: 'keepingNan(x[index], areaSine(x[index]))',
  acosh: 'keepingNan(x[index], areaCosine(x[index]))',
  atanh: 'keepingNan(x[index], areaTangent(x[index]))',
  erf: 'keepingNan(x[index], errorFunction(x[index]))',
  log1p: 'keepingNan(x[index], logOnePlus(x[index]))',
  expm1: 'keepingNan(x[index], expMinusOne(x[index]))',
  // q: what the power of |x| is multiplied by where x is negative.
  pow: ['power(x[index], u.p, u.q)', ({ exponent }) => [exponent, (-1) ** exponent]],
  relu: 'rectified(x[index])',
  relu6: 'bounded(x[index], 0.0, 6.0)',
  hardswish: 'x[index] * bounded(x[index] + 3.0, 0.0, 6.0) / 6.0',
  hardsigmoid: 'bounded(x[index] + 3.0, 0.0, 6.0) / 6.0',
  leakyRelu: ['select(x[index] * u.p, x[index], x[index] > 0.0)', ({ negativeSlope }) => [negativeSlope]],
  gelu: 'keepingNan(x[index], x[index] * normalDistribution(x[index]))',
  silu: 'keepingNan(x[index], x[index] / (1.0 + exp(-x[index])))',
  sigmoid: 'keepingNan(x[index], 1.0 / (1.0 + exp(-x[index])))',
  tanh: 'keepingNan(x[index], accurateTanh(x[index]))',
  clamp: ['bounded(x[index], u.p, u.q)', ({ min, max }) => [min, max]],
});

const gradient = 'gradY[index]';

const backwards = family({ x: 'f32', gradY: 'f32' }, 'gradX', {
  reluBackward: `select(0.0, ${gradient}, x[index] > 0.0)`,
  relu6Backward: `select(0.0, ${gradient}, x[index] > 0.0 && x[index] < 6.0)`,
  hardswishBackward: `${gradient} * select(select(1.0, x[index] / 3.0 + 0.5, x[index] < 3.0), 0.0, x[index] < -3.0)`,
  hardsigmoidBackward: `select(0.0, ${gradient} / 6.0, x[index] > -3.0 && x[index] < 3.0)`,
  leakyReluBackward: [
    `${gradient} * select(u.p, 1.0, x[index] > 0.0)`,
    ({ negativeSlope }) => [negativeSlope],
  ],
  geluBackward: `${gradient} * (normalDistribution(x[index]) + x[index] * normalDensity(x[index]))`,
  clampBackward: [
    `select(0.0, ${gradient}, x[index] >= u.p && x[index] <= u.q)`,
    ({ min, max }) => [min, max],
  ],
});

const backwardsByOutput = family({ y: 'f32', gradY: 'f32' }, 'gradX', {
  sigmoidBackward: `${gradient} * y[index] * (1.0 - y[index])`,
  tanhBackward: `${gradient} * (1.0 - y[index] * y[index])`,
});

const masked = family({ x: 'f32', mask: 'u32' }, 'y', {
  applyMask: [
    'select(0.0, x[index] * u.p, ((mask[index >> 2u] >> (8u * (index & 3u))) & 255u) != 0u)',
    ({ scale }) => [scale],
  ],
});

export const elementwise = (gpu: Gpu) => ({
  ...arithmetic(gpu),
  ...unary(gpu),
  ...backwards(gpu),
  ...backwardsByOutput(gpu),
  ...masked(gpu),
});
