/**
 * The elementwise functions: one row each, from which the kernel table, the profiles, the reference, the tables of int8
 * and the cases of the conformance suite follow. A row `name` is the kernel `name`, y[n] from x[n], and, where it has a
 * `backward`, the kernel `nameBackward`, gradX[n] from gradY[n] and x[n], or y[n] for a row with `from: 'y'`.
 *
 * A row is the definition: plain arithmetic in float64 of one element, rounded once to the dtype of the output. A row
 * with a composite is one that no backend has to have: `dispatch` computes it by other kernels where a backend has none
 * of its own. A composite may use kernels that are no composites: its forward those of the profile `inference-float`.
 */
import { roundHalfEven } from '../rounding';
import { erf } from './erf';
import {
  abs,
  add,
  affine,
  clamp,
  clampBackward,
  div,
  exp,
  log,
  mul,
  relu,
  reluBackward,
  sigmoid,
  sign,
  type Term,
  tanh,
} from './term';

export interface ElementwiseFunction {
  // biome-ignore lint/suspicious/noExplicitAny: each row says its own attributes
  readonly forward: (x: number, attrs: any) => number;
  /** gradX from x, or y, and gradY. */
  // biome-ignore lint/suspicious/noExplicitAny: each row says its own attributes
  readonly backward?: (source: number, gradY: number, attrs: any) => number;
  /** What `backward` reads beside gradY; x unless given. */
  readonly from?: 'x' | 'y';
  readonly composite?: {
    // biome-ignore lint/suspicious/noExplicitAny: each row says its own attributes
    readonly forward: (x: Term, attrs: any) => Term;
    // biome-ignore lint/suspicious/noExplicitAny: each row says its own attributes
    readonly backward?: (source: Term, gradY: Term, attrs: any) => Term;
  };
  /** Attributes to test it with; each that there are must change a number. */
  readonly examples?: readonly object[];
  /** Between which numbers to test it; from -8 to 8 unless given. */
  readonly domain?: readonly [min: number, max: number];
  /** The same for the source of `backward`. */
  readonly backwardDomain?: readonly [min: number, max: number];
  /** Whether its layer has an int8 form: the table of its 256 values, by `forward`. */
  readonly int8?: boolean;
  /** Nothing is rounded: backends give the same bits. */
  readonly exact?: boolean;
}

interface Bounds {
  min: number;
  max: number;
}

interface Softplus {
  beta: number;
  threshold: number;
}

interface Shrink {
  lambd: number;
}

interface Threshold {
  threshold: number;
  value: number;
}

interface Slope {
  negativeSlope: number;
}

const between = (x: number, min: number, max: number): number => Math.min(Math.max(x, min), max);
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
/** ln(1 + e^x) */
const softplusOf = (x: number): number => (x > 20 ? x : Math.log1p(Math.exp(x)));
const GELU_TANH = /* @__PURE__ */ Math.sqrt(2 / Math.PI);
// Klambauer et al., "Self-Normalizing Neural Networks", 2017.
const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;
// A number: Rolldown prints a division by what is marked pure as the start of a line comment.
const density = 0.3989422804014327; // 1 / √(2π)

export const reluRow = {
  forward: (x) => Math.max(x, 0),
  backward: (x, gradY) => (x > 0 ? gradY : 0),
  exact: true,
} satisfies ElementwiseFunction;

export const relu6Row = {
  forward: (x) => between(x, 0, 6),
  /** gradX = 0 < x < 6 ? gradY : 0 */
  backward: (x, gradY) => (x > 0 && x < 6 ? gradY : 0),
  composite: {
    forward: (x) => clamp(x, 0, 6),
    backward: (x, gradY) => reluBackward(x, reluBackward(affine(x, -1, 6), gradY)),
  },
  exact: true,
} satisfies ElementwiseFunction;

/** x * clamp(x + 3, 0, 6) / 6 */
export const hardswishRow = {
  forward: (x) => (x * between(x + 3, 0, 6)) / 6,
  /** gradX = x < -3 ? 0 : x < 3 ? gradY * (x / 3 + 1/2) : gradY */
  backward: (x, gradY) => (x < -3 ? 0 : x < 3 ? gradY * (x / 3 + 0.5) : gradY),
  composite: { forward: (x) => mul(x, hardGate(x)) },
  int8: true,
} satisfies ElementwiseFunction;

/** clamp(x + 3, 0, 6) / 6 */
export const hardsigmoidRow = {
  forward: (x) => between(x + 3, 0, 6) / 6,
  /** gradX = -3 < x < 3 ? gradY / 6 : 0 */
  backward: (x, gradY) => (x > -3 && x < 3 ? gradY / 6 : 0),
  composite: {
    forward: (x) => hardGate(x),
    backward: (x, gradY) =>
      affine(reluBackward(affine(x, 1, 3), reluBackward(affine(x, -1, 3), gradY)), 1 / 6, 0),
  },
} satisfies ElementwiseFunction;

/** y = x > 0 ? x : negativeSlope * x */
export const leakyReluRow = {
  forward: (x, { negativeSlope }: Slope) => (x > 0 ? x : x * negativeSlope),
  backward: (x, gradY, { negativeSlope }: Slope) => (x > 0 ? gradY : gradY * negativeSlope),
  composite: {
    forward: (x, { negativeSlope }: Slope) =>
      add(relu(x), affine(clamp(x, Number.NEGATIVE_INFINITY, 0), negativeSlope, 0)),
  },
  examples: [{ negativeSlope: 0.01 }, { negativeSlope: 0.2 }],
  int8: true,
} satisfies ElementwiseFunction;

/** x * Φ(x), Φ(x) = (1 + erf(x / √2)) / 2 */
export const geluRow = {
  forward: (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  /** gradX = gradY * (Φ(x) + x * φ(x)), φ(x) = e^(-x²/2) / √(2π) */
  backward: (x, gradY) => gradY * (0.5 * (1 + erf(x * Math.SQRT1_2)) + x * density * Math.exp(-0.5 * x * x)),
  int8: true,
} satisfies ElementwiseFunction;

/** x > 0 ? x : alpha * (e^x - 1) */
export const eluRow = {
  forward: (x, { alpha }: { alpha: number }) => (x > 0 ? x : alpha * Math.expm1(x)),
  /** gradX = x > 0 ? gradY : gradY * alpha * e^x */
  backward: (x, gradY, { alpha }: { alpha: number }) => (x > 0 ? gradY : gradY * alpha * Math.exp(x)),
  composite: {
    forward: (x, { alpha }: { alpha: number }) => add(relu(x), affine(expNegative(x), alpha, -alpha)),
    backward: (x, gradY, { alpha }: { alpha: number }) =>
      add(
        reluBackward(x, gradY),
        mul(clampBackward(x, gradY, Number.NEGATIVE_INFINITY, 0), affine(expNegative(x), alpha, 0)),
      ),
  },
  examples: [{ alpha: 1 }, { alpha: 0.3 }],
  int8: true,
} satisfies ElementwiseFunction;

/** x > 0 ? x : alpha * (e^(x / alpha) - 1) */
export const celuRow = {
  forward: (x, { alpha }: { alpha: number }) => (x > 0 ? x : alpha * Math.expm1(x / alpha)),
  /** gradX = x > 0 ? gradY : gradY * e^(x / alpha) */
  backward: (x, gradY, { alpha }: { alpha: number }) => (x > 0 ? gradY : gradY * Math.exp(x / alpha)),
  composite: {
    forward: (x, { alpha }: { alpha: number }) =>
      add(relu(x), affine(expNegative(x, 1 / alpha), alpha, -alpha)),
    backward: (x, gradY, { alpha }: { alpha: number }) =>
      add(
        reluBackward(x, gradY),
        mul(clampBackward(x, gradY, Number.NEGATIVE_INFINITY, 0), expNegative(x, 1 / alpha)),
      ),
  },
  examples: [{ alpha: 1 }, { alpha: 0.5 }],
  int8: true,
} satisfies ElementwiseFunction;

/** s * (x > 0 ? x : a * (e^x - 1)), s and a the constants of the paper */
export const seluRow = {
  forward: (x) => SELU_SCALE * (x > 0 ? x : SELU_ALPHA * Math.expm1(x)),
  /** gradX = gradY * s * (x > 0 ? 1 : a * e^x) */
  backward: (x, gradY) => gradY * SELU_SCALE * (x > 0 ? 1 : SELU_ALPHA * Math.exp(x)),
  composite: {
    forward: (x) => affine(add(relu(x), affine(expNegative(x), SELU_ALPHA, -SELU_ALPHA)), SELU_SCALE, 0),
    backward: (x, gradY) =>
      affine(
        add(
          reluBackward(x, gradY),
          mul(clampBackward(x, gradY, Number.NEGATIVE_INFINITY, 0), affine(expNegative(x), SELU_ALPHA, 0)),
        ),
        SELU_SCALE,
        0,
      ),
  },
  int8: true,
} satisfies ElementwiseFunction;

/** x * sigmoid(x) */
export const siluRow = {
  forward: (x) => x * logistic(x),
  /** gradX = gradY * s * (1 + x * (1 - s)), s = sigmoid(x) */
  backward: (x, gradY) => gradY * logistic(x) * (1 + x * (1 - logistic(x))),
  composite: {
    forward: (x) => mul(x, sigmoid(x)),
    backward: (x, gradY) => {
      const s = sigmoid(x);
      return mul(mul(gradY, s), affine(mul(x, affine(s, -1, 1)), 1, 1));
    },
  },
  int8: true,
} satisfies ElementwiseFunction;

/** ln(1 + e^(beta * x)) / beta; x itself where beta * x > threshold, which is at least 0 */
export const softplusRow = {
  forward: (x, { beta, threshold }: Softplus) =>
    x * beta > threshold ? x : Math.log1p(Math.exp(x * beta)) / beta,
  /** gradX = beta * x > threshold ? gradY : gradY * sigmoid(beta * x) */
  backward: (x, gradY, { beta, threshold }: Softplus) =>
    x * beta > threshold ? gradY : gradY * logistic(x * beta),
  composite: {
    forward: (x, attrs: Softplus) => softplus(x, attrs),
    backward: (x, gradY, { beta, threshold }: Softplus) => {
      const s = sigmoid(affine(x, beta, 0));
      return mul(gradY, add(s, mul(beyond(affine(x, beta, 0), threshold), affine(s, -1, 1))));
    },
  },
  examples: [
    { beta: 1, threshold: 20 },
    { beta: 2, threshold: 1 },
  ],
  int8: true,
} satisfies ElementwiseFunction;

/** x * tanh(ln(1 + e^x)) */
export const mishRow = {
  forward: (x) => x * Math.tanh(softplusOf(x)),
  /** gradX = gradY * (t + x * sigmoid(x) * (1 - t²)), t = tanh(ln(1 + e^x)) */
  backward: (x, gradY) => {
    const t = Math.tanh(softplusOf(x));
    return gradY * (t + x * logistic(x) * (1 - t * t));
  },
  composite: {
    forward: (x) => mul(x, tanh(softplus(x, { beta: 1, threshold: 20 }))),
    backward: (x, gradY) => {
      const t = tanh(softplus(x, { beta: 1, threshold: 20 }));
      return mul(gradY, add(t, mul(mul(x, sigmoid(x)), affine(mul(t, t), -1, 1))));
    },
  },
  int8: true,
} satisfies ElementwiseFunction;

/** x / (1 + |x|) */
export const softsignRow = {
  forward: (x) => x / (1 + Math.abs(x)),
  /** gradX = gradY / (1 + |x|)² */
  backward: (x, gradY) => gradY / (1 + Math.abs(x)) ** 2,
  composite: {
    forward: (x) => div(x, affine(abs(x), 1, 1)),
    backward: (x, gradY) => {
      const below = affine(abs(x), 1, 1);
      return div(div(gradY, below), below);
    },
  },
  int8: true,
} satisfies ElementwiseFunction;

/** ln(sigmoid(x)) */
export const logSigmoidRow = {
  forward: (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))),
  /** gradX = gradY * sigmoid(-x) */
  backward: (x, gradY) => gradY * logistic(-x),
  composite: {
    forward: (x) => {
      const rest = log(affine(exp(affine(abs(x), -1, 0)), 1, 1));
      return add(clamp(x, Number.NEGATIVE_INFINITY, 0), affine(rest, -1, 0));
    },
    backward: (x, gradY) => mul(gradY, sigmoid(affine(x, -1, 0))),
  },
  int8: true,
} satisfies ElementwiseFunction;

/** |x| > lambd ? x : 0; lambd is at least 0 */
export const hardshrinkRow = {
  forward: (x, { lambd }: Shrink) => (x >= -lambd && x <= lambd ? 0 : x),
  /** gradX = |x| > lambd ? gradY : 0 */
  backward: (x, gradY, { lambd }: Shrink) => (x > lambd || x < -lambd ? gradY : 0),
  composite: {
    forward: (x, { lambd }: Shrink) => mul(x, beyond(abs(x), lambd)),
    backward: (x, gradY, { lambd }: Shrink) => gradientBeyond(x, gradY, lambd),
  },
  examples: [{ lambd: 0.5 }, { lambd: 3 }],
  int8: true,
} satisfies ElementwiseFunction;

/** x > lambd ? x - lambd : x < -lambd ? x + lambd : 0; lambd is at least 0 */
export const softshrinkRow = {
  forward: (x, { lambd }: Shrink) => (x > lambd ? x - lambd : x < -lambd ? x + lambd : 0 * x),
  /** gradX = |x| > lambd ? gradY : 0 */
  backward: (x, gradY, { lambd }: Shrink) => (x > lambd || x < -lambd ? gradY : 0),
  composite: {
    forward: (x, { lambd }: Shrink) =>
      add(relu(affine(x, 1, -lambd)), affine(relu(affine(x, -1, -lambd)), -1, 0)),
    backward: (x, gradY, { lambd }: Shrink) => gradientBeyond(x, gradY, lambd),
  },
  examples: [{ lambd: 0.5 }, { lambd: 3 }],
  int8: true,
} satisfies ElementwiseFunction;

/** x - tanh(x) */
export const tanhshrinkRow = {
  forward: (x) => x - Math.tanh(x),
  /** gradX = gradY * tanh(x)² */
  backward: (x, gradY) => gradY * Math.tanh(x) ** 2,
  composite: {
    forward: (x) => add(x, affine(tanh(x), -1, 0)),
    backward: (x, gradY) => {
      const t = tanh(x);
      return mul(mul(gradY, t), t);
    },
  },
  int8: true,
} satisfies ElementwiseFunction;

/** x > threshold ? x : value */
export const thresholdRow = {
  forward: (x, { threshold, value }: Threshold) => (x <= threshold ? value : x),
  /** gradX = x > threshold ? gradY : 0 */
  backward: (x, gradY, { threshold }: Threshold) => (x > threshold ? gradY : 0),
  composite: {
    forward: (x, { threshold, value }: Threshold) => {
      const above = beyond(x, threshold);
      // Clamped first: 0 times an infinity is none.
      return add(mul(clamp(x, threshold, Number.POSITIVE_INFINITY), above), affine(above, -value, value));
    },
    backward: (x, gradY, { threshold }: Threshold) => reluBackward(affine(x, 1, -threshold), gradY),
  },
  examples: [
    { threshold: 0.5, value: -3 },
    { threshold: -1, value: 2 },
  ],
  int8: true,
} satisfies ElementwiseFunction;

/** x * (1 + tanh(√(2/π) * (x + 0.044715 * x³))) / 2, the approximation of gelu by tanh */
export const geluTanhRow = {
  forward: (x) => 0.5 * x * (1 + Math.tanh(GELU_TANH * (x + 0.044715 * x ** 3))),
  /** gradX = gradY * ((1 + t) + x * (1 - t²) * √(2/π) * (1 + 3 * 0.044715 * x²)) / 2, t the tanh */
  backward: (x, gradY) => {
    const t = Math.tanh(GELU_TANH * (x + 0.044715 * x ** 3));
    return gradY * 0.5 * (1 + t + x * (1 - t * t) * GELU_TANH * (1 + 3 * 0.044715 * x * x));
  },
  composite: {
    // (1 + tanh(u)) / 2 = sigmoid(2u), which is exact where the sum would cancel.
    forward: (x) => mul(x, geluTanhGate(x)),
    backward: (x, gradY) => {
      const s = geluTanhGate(x);
      const slope = affine(mul(x, x), 6 * 0.044715 * GELU_TANH, 2 * GELU_TANH);
      const bent = mul(mul(mul(x, s), affine(s, -1, 1)), slope);
      return mul(gradY, add(s, bent));
    },
  },
  int8: true,
} satisfies ElementwiseFunction;

/** 1 / (1 + e^-x) */
export const sigmoidRow = {
  forward: logistic,
  /** gradX = gradY * y * (1 - y) */
  backward: (y, gradY) => gradY * y * (1 - y),
  from: 'y',
  domain: [-100, 100],
  backwardDomain: [0, 1],
} satisfies ElementwiseFunction;

export const tanhRow = {
  forward: Math.tanh,
  /** gradX = gradY * (1 - y²) */
  backward: (y, gradY) => gradY * (1 - y * y),
  from: 'y',
  domain: [-100, 100],
  backwardDomain: [-1, 1],
} satisfies ElementwiseFunction;

/** y = min(max(x, min), max); infinite bounds are allowed */
export const clampRow = {
  forward: (x, { min, max }: Bounds) => between(x, min, max),
  /** gradX = min <= x <= max ? gradY : 0 */
  backward: (x, gradY, { min, max }: Bounds) => (x >= min && x <= max ? gradY : 0),
  examples: [
    { min: -1, max: 3 },
    { min: Number.NEGATIVE_INFINITY, max: 0.5 },
    { min: 0.5, max: Number.POSITIVE_INFINITY },
  ],
  exact: true,
} satisfies ElementwiseFunction;

/** The functions of one tensor. Rows that ops take as values are constants above, so that an app ships those alone that it uses. */
export const elementwiseRows = {
  /** y = x * scale + shift */
  affine: {
    forward: (x, { scale, shift }: { scale: number; shift: number }) => x * scale + shift,
    examples: [
      { scale: 1.5, shift: -0.25 },
      { scale: -1, shift: 0 },
      { scale: 0, shift: 3 },
    ],
  },
  exp: { forward: Math.exp },
  log: { forward: Math.log, domain: [0.001, 100] },
  sqrt: { forward: Math.sqrt, domain: [0, 100] },
  abs: { forward: Math.abs, exact: true },
  /** -1, 0 or 1 */
  sign: { forward: Math.sign, exact: true },
  /** To whole numbers: down, up, towards 0, and to the nearest with ties to even */
  floor: { forward: Math.floor, exact: true },
  ceil: { forward: Math.ceil, exact: true },
  trunc: { forward: Math.trunc, exact: true },
  round: { forward: (x) => (Math.abs(x) < 2 ** 51 ? roundHalfEven(x) : x), exact: true },
  sin: { forward: Math.sin },
  cos: { forward: Math.cos },
  tan: { forward: Math.tan, domain: [-1.5, 1.5] },
  asin: { forward: Math.asin, domain: [-1, 1] },
  acos: { forward: Math.acos, domain: [-1, 1] },
  atan: { forward: Math.atan },
  sinh: { forward: Math.sinh },
  cosh: { forward: Math.cosh },
  asinh: { forward: Math.asinh },
  acosh: { forward: Math.acosh, domain: [1, 100] },
  atanh: { forward: Math.atanh, domain: [-0.99, 0.99] },
  /** 2/√π ∫₀ˣ e^(-t²) dt */
  erf: { forward: erf },
  /** ln(1 + x), of small x too */
  log1p: { forward: Math.log1p, domain: [-0.99, 100] },
  /** e^x - 1, alike */
  expm1: { forward: Math.expm1 },
  pow: {
    forward: (x, { exponent }: { exponent: number }) => x ** exponent,
  },
  relu: reluRow,
  relu6: relu6Row,
  hardswish: hardswishRow,
  hardsigmoid: hardsigmoidRow,
  leakyRelu: leakyReluRow,
  gelu: geluRow,
  elu: eluRow,
  celu: celuRow,
  selu: seluRow,
  silu: siluRow,
  softplus: softplusRow,
  mish: mishRow,
  softsign: softsignRow,
  logSigmoid: logSigmoidRow,
  hardshrink: hardshrinkRow,
  softshrink: softshrinkRow,
  tanhshrink: tanhshrinkRow,
  threshold: thresholdRow,
  geluTanh: geluTanhRow,
  sigmoid: sigmoidRow,
  tanh: tanhRow,
  clamp: clampRow,
} satisfies Readonly<Record<string, ElementwiseFunction>>;

/** e^(scale * min(x, 0)) */
function expNegative(x: Term, scale = 1): Term {
  const negative = clamp(x, Number.NEGATIVE_INFINITY, 0);
  return exp(scale === 1 ? negative : affine(negative, scale, 0));
}

/** |x| > lambd ? gradY : 0 */
function gradientBeyond(x: Term, gradY: Term, lambd: number): Term {
  return add(reluBackward(affine(x, 1, -lambd), gradY), reluBackward(affine(x, -1, -lambd), gradY));
}

/** sigmoid(2√(2/π) * (x + 0.044715 * x³)) */
function geluTanhGate(x: Term): Term {
  return sigmoid(mul(x, affine(mul(x, x), 2 * 0.044715 * GELU_TANH, 2 * GELU_TANH)));
}

/** x > threshold ? 1 : 0 */
function beyond(x: Term, threshold: number): Term {
  return relu(sign(affine(x, 1, -threshold)));
}

/** (max(z, 0) + ln(1 + e^-|z|)) / beta, z = beta * x, where no power is large; without the logarithm past the threshold. */
function softplus(x: Term, { beta, threshold }: Softplus): Term {
  const z = affine(x, beta, 0);
  const rest = log(affine(exp(affine(abs(z), -1, 0)), 1, 1));
  return affine(add(relu(z), mul(rest, affine(beyond(z, threshold), -1, 1))), 1 / beta, 0);
}

/** clamp(x + 3, 0, 6) / 6 */
function hardGate(x: Term): Term {
  return affine(clamp(affine(x, 1, 3), 0, 6), 1 / 6, 0);
}

/** The bounds of an output. */
export type Clamp = readonly [min: number, max: number];

/** The attribute of kernels that can clamp their output while it is at hand. */
export interface Clamped {
  /** y becomes min(max(y, min), max); infinite bounds are allowed, and a NaN stays one. Absent: y stays. */
  readonly clamp?: Clamp | undefined;
}

/** a % b with the sign of b, as Python's. */
function remainderOf(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

/** The whole number at or below a / b, found by the remainder: the quotient itself may have been rounded past it. */
function floorQuotient(a: number, b: number): number {
  if (b === 0) return a / b;
  const rest = a % b;
  const quotient = (a - rest) / b - Number(rest !== 0 && rest < 0 !== b < 0);
  const floor = Math.floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

/** a to the power of b by int32 products; of a negative power the whole part. */
function integerPower(a: number, b: number): number {
  if (b < 0) return a === 1 || (a === -1 && b % 2 === 0) ? 1 : a === -1 ? -1 : 0;
  let result = 1;
  for (let square = a, rest = b; rest > 0; rest = Math.floor(rest / 2), square = Math.imul(square, square)) {
    if (rest % 2 === 1) result = Math.imul(result, square);
  }
  return result;
}

/** Functions of two tensors [n], of which either may have one element, which stands for all. */
export const binaryFunctions = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  /** NaN if either is */
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
  /** a to the power of b, by numbers too: 1 to any power is 1 */
  power: (a, b) => (a === 1 ? 1 : a === -1 && !Number.isFinite(b) && !Number.isNaN(b) ? 1 : a ** b),
  /** The rest of a / b, with the sign of a */
  fmod: (a, b) => a % b,
  /** With the sign of b */
  remainder: remainderOf,
  floorDivide: floorQuotient,
  atan2: (a, b) => Math.atan2(a, b),
} satisfies Readonly<Record<string, (a: number, b: number) => number>>;

/** The same on int32, where they are defined: sums and products wrap around, a division by 0 is 0. */
export const integerFunctions = {
  add: (a, b) => (a + b) | 0,
  sub: (a, b) => (a - b) | 0,
  mul: (a, b) => Math.imul(a, b),
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
  power: integerPower,
  fmod: (a, b) => (a % b) | 0,
  remainder: (a, b) => remainderOf(a, b) | 0,
  floorDivide: (a, b) => (b === 0 ? 0 : Math.floor(a / b) | 0),
} satisfies { readonly [N in keyof typeof binaryFunctions]?: (a: number, b: number) => number };

/**
 * Relations of two tensors [n] of one dtype, any, to bool; either may have one element, which stands for all. NaN equals
 * nothing, and is neither less nor more. For the logical ones all but 0 is true.
 */
export const relations = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  logicalAnd: (a, b) => a !== 0 && b !== 0,
  logicalOr: (a, b) => a !== 0 || b !== 0,
} satisfies Readonly<Record<string, (a: number, b: number) => boolean>>;

type Functions = typeof elementwiseRows;

export type UnaryName = keyof Functions;
export type BinaryName = keyof typeof binaryFunctions;
/** Those that are there for int32 too. */
export type IntegerName = keyof typeof integerFunctions;
export type RelationName = keyof typeof relations;

// biome-ignore lint/complexity/noBannedTypes: a kernel without attributes takes exactly `{}`
type None = {};

type AttrsOf<F> = F extends { forward: (x: number, attrs: infer A) => number }
  ? unknown extends A
    ? None
    : A
  : never;

type SourceOf<F> = F extends { from: 'y' } ? 'y' : 'x';

/** The lines of the kernel table. */
type ForwardKernels = {
  [N in UnaryName]: {
    in: 'x';
    optionalIn: never;
    out: 'y';
    optionalOut: never;
    attrs: AttrsOf<Functions[N]>;
  };
};
type BackwardKernels = {
  [N in UnaryName as Functions[N] extends { backward: unknown } ? `${N}Backward` : never]: {
    in: SourceOf<Functions[N]> | 'gradY';
    optionalIn: never;
    out: 'gradX';
    optionalOut: never;
    attrs: AttrsOf<Functions[N]>;
  };
};
type BinaryKernels = {
  [N in BinaryName]: {
    in: 'a' | 'b';
    optionalIn: never;
    out: 'y';
    optionalOut: never;
    attrs: N extends 'add' | 'mul' ? Clamped : None;
  };
};

type RelationKernels = {
  [N in RelationName]: {
    in: 'a' | 'b';
    optionalIn: never;
    out: 'y';
    optionalOut: never;
    attrs: None;
  };
};

export interface ElementwiseKernels extends ForwardKernels, BackwardKernels, BinaryKernels, RelationKernels {}

type Composed = {
  [N in UnaryName]: Functions[N] extends { composite: { forward: unknown } } ? N : never;
}[UnaryName];
type ComposedBackward = {
  [N in UnaryName]: Functions[N] extends { composite: { backward: unknown } } ? `${N}Backward` : never;
}[UnaryName];

/** The row of a function of one tensor. */
export type ElementwiseRow<N extends UnaryName> = Functions[N];

/** The kernels that a backend may leave to `dispatch`, which has a composite of them. */
export type CompositeName = Composed | ComposedBackward;
