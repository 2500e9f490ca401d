import { ReLU6 } from '@octet/nn';
import { full, Tensor } from '@octet/tensor';
import type { GraphFunction } from '../../graph-module';
import {
  broadcastAll,
  broadcastStrides,
  type HostDType,
  HostTensor,
  onHost,
  toHost,
  toTensor,
  type Value,
} from '../../host-tensor';
import type { OnnxNode, Operand } from '../node';
import {
  absorbed,
  addBias,
  gelu,
  geluTanh,
  hardswish,
  layerNorm,
  leakyRelu,
  linear,
  recomposed,
  scaleChannels,
} from '../recompose';
import type { OnnxOperator } from '../table';
import { dtypeOf } from '../tensors';
import { axisOf, hostBinary, hostUnary, isFloat, numberOf, row, unary } from './helpers';

type Arithmetic = (a: number, b: number, integers: boolean) => number;

/** Floats on the backend, numbers on the host and integers on the host. `first` is for a number on the left. */
function arithmetic(
  op: string,
  device: (a: Tensor, b: Tensor | number) => Tensor,
  first: (a: number, b: Tensor) => Tensor,
  host: Arithmetic,
): GraphFunction {
  const there = onHost(op, (a, b) => {
    const { dtype } = a as HostTensor;
    const integers = dtype !== 'float32';
    return hostBinary(a as HostTensor, b as HostTensor, dtype, (x, y) => host(x, y, integers));
  });
  return (args, { backend }) => {
    const [a, b] = args as [Value, Value];
    if (!(isFloat(a) && isFloat(b)) || !(a instanceof Tensor || b instanceof Tensor)) return there(args);
    if (b instanceof HostTensor && b.numel === 1 && b.dim <= a.shape.length)
      return device(a as Tensor, b.data[0]);
    if (a instanceof HostTensor && a.numel === 1 && a.dim <= b.shape.length)
      return first(a.data[0], b as Tensor);
    return device(toTensor(a, backend), toTensor(b, backend));
  };
}

const add = /* @__PURE__ */ arithmetic(
  'Add',
  (a, b) => a.add(b),
  (a, b) => b.add(a),
  (a, b) => a + b,
);
const sub = /* @__PURE__ */ arithmetic(
  'Sub',
  (a, b) => a.sub(b),
  (a, b) => b.affine(-1, a),
  (a, b) => a - b,
);
const mul = /* @__PURE__ */ arithmetic(
  'Mul',
  (a, b) => a.mul(b),
  (a, b) => b.mul(a),
  (a, b) => a * b,
);
const div = /* @__PURE__ */ arithmetic(
  'Div',
  (a, b) => a.div(b),
  (a, b) => full([], a, { backend: b.backend }).div(b),
  (a, b, integers) => (integers ? Math.trunc(a / b) : a / b),
);

/** The rank that operands broadcast to, if it is known. */
function rankOf(node: OnnxNode): number | undefined {
  const ranks = node.present.map(({ rank }) => rank);
  return ranks.every((r) => r !== undefined) ? Math.max(...ranks) : undefined;
}

/** The operands, those that are one number without dimensions where that makes no difference to the rank of the result. */
function withPlainNumbers(node: OnnxNode): readonly (Operand | undefined)[] {
  const rank = (o: Operand | undefined) => o?.rank ?? 0;
  return node.inputs.map((o, i) => {
    const { constant } = o ?? {};
    const others = node.inputs.filter((_, k) => k !== i);
    const plain = constant?.numel === 1 && constant.dim > 0 && others.some((x) => rank(x) >= constant.dim);
    return plain ? node.constant(constant.reshape([])) : o;
  });
}

/** Before version 7 the second operand was aligned at an axis. */
function binary(op: string, fn: GraphFunction): OnnxOperator[] {
  return [
    {
      ...{ op, since: 7, inputs: 2 },
      import: (node) => node.call1(fn, withPlainNumbers(node), { rank: rankOf(node) }),
    },
    {
      op,
      since: 1,
      until: 6,
      inputs: 2,
      import(node) {
        const [axis, broadcast] = [node.int('axis'), node.flag('broadcast')];
        const { rank } = node.input(0);
        if (axis === undefined || !broadcast) return node.call1(fn, node.inputs, { rank });
        const aligned: GraphFunction = (args, run) => {
          const [a, b] = args as [Value, Value];
          const tail = a.shape.length - axisOf(axis, a.shape.length) - b.shape.length;
          const shape = [...b.shape, ...new Array<number>(Math.max(0, tail)).fill(1)];
          return fn([a, b.reshape(shape)], run);
        };
        return node.call1(aligned, node.inputs, { rank });
      },
    },
  ];
}

/** A host function of two operands with truth values as its result. */
function comparison(op: string, f: (a: number, b: number) => boolean, since = 1): OnnxOperator[] {
  const fn = onHost(op, (a, b) =>
    hostBinary(a as HostTensor, b as HostTensor, 'bool', (x, y) => Number(f(x, y))),
  );
  return since === 1 ? binary(op, fn) : [row(op, since, 2, () => fn)];
}

/** One after the other over any number of operands. */
function variadic(
  op: string,
  pair: GraphFunction,
  finish?: (y: Value, count: number) => Value,
): OnnxOperator {
  const fn: GraphFunction = (args, run) => {
    const all = args.filter((a) => a !== undefined);
    const y = all.reduce((a, b) => pair([a, b], run) as Value);
    return finish ? finish(y, all.length) : y;
  };
  return { op, since: 6, import: (node) => node.call1(fn, withPlainNumbers(node), { rank: rankOf(node) }) };
}

/** Floats, or integers that stand for them. */
function isReal(x: Tensor): boolean {
  return isFloat(x) || x.isQuantized;
}

/** max or min: a bound that is one number is a clamp on the backend. */
function extreme(op: string, sign: 1 | -1): GraphFunction {
  const there = onHost(op, (a, b) =>
    hostBinary(a as HostTensor, b as HostTensor, (a as HostTensor).dtype, sign > 0 ? Math.max : Math.min),
  );
  const clamp = (x: Tensor, bound: number) => (sign > 0 ? x.clamp(bound) : x.clamp(undefined, bound));
  return (args) => {
    const [a, b] = args as [Value, Value];
    if (a instanceof Tensor && isReal(a) && b instanceof HostTensor && b.numel === 1 && b.dim <= a.dim)
      return clamp(a, b.data[0]);
    if (b instanceof Tensor && isReal(b) && a instanceof HostTensor && a.numel === 1 && a.dim <= b.dim)
      return clamp(b, a.data[0]);
    return there(args);
  };
}

/** A function of one operand that keeps its shape. */
function same(op: string, fn: GraphFunction): OnnxOperator {
  return { op, since: 1, import: (node) => node.call1(fn, node.inputs, { rank: node.input(0).rank }) };
}

/** x within bounds; where they cross, the upper one. */
const clip: GraphFunction = (args) => {
  const [x, low, high] = args as [Value, Value | undefined, Value | undefined];
  const min = low ? numberOf(low) : Number.NEGATIVE_INFINITY;
  const max = high ? numberOf(high) : Number.POSITIVE_INFINITY;
  if (x instanceof Tensor && isReal(x)) return x.clamp(Math.min(min, max), max);
  return hostUnary(toHost(x), toHost(x).dtype, (v) => Math.min(max, Math.max(min, v)));
};

/** Abramowitz and Stegun have seven digits; W. J. Cody's rational forms, by a series and a continued fraction here, all. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = a;
  for (let n = 60; n > 0; n--) fraction = a + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / (fraction * Math.sqrt(Math.PI)));
}

/** Ties to even. */
function roundEven(x: number): number {
  const r = Math.round(x);
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
}

/** A function that is worked out on the host. */
function hostFunction(op: string, since: number, f: (x: number) => number, dtype?: HostDType): OnnxOperator {
  return row(op, since, 1, () =>
    onHost(op, (x) => hostUnary(x as HostTensor, dtype ?? (x as HostTensor).dtype, f)),
  );
}

const power: GraphFunction = (args) => {
  const [x, e] = args as [Value, Value];
  const exponent =
    e instanceof HostTensor && e.numel === 1 && e.dim <= x.shape.length ? e.data[0] : undefined;
  if (x instanceof Tensor && isFloat(x) && exponent !== undefined) {
    if (exponent === 2) return x.square();
    if (exponent === 0.5) return x.sqrt();
    return x.pow(exponent);
  }
  return onHost('Pow', (a, b) => {
    const { dtype } = a as HostTensor;
    const f = dtype === 'float32' ? Math.pow : (p: number, q: number) => Math.trunc(p ** q);
    return hostBinary(a as HostTensor, b as HostTensor, dtype, f);
  })(args);
};

const where = /* @__PURE__ */ onHost('Where', (c, a, b) => {
  const [cond, x, y] = [c, a, b] as HostTensor[];
  const shape = broadcastAll(cond.shape, x.shape, y.shape);
  const [cs, xs, ys] = [cond, x, y].map((t) => t.strided(shape, broadcastStrides(t.shape, shape)));
  const out = HostTensor.zeros(shape, x.dtype);
  for (let i = 0; i < out.data.length; i++) out.data[i] = cs.data[i] ? xs.data[i] : ys.data[i];
  return out;
});

function castTo(value: Value, dtype: HostDType): Value {
  return value.dtype === dtype ? value : value instanceof HostTensor ? value.to(dtype) : value.to(dtype);
}

export const elementwise = (): readonly OnnxOperator[] => [
  ...absorbed(recomposed(binary('Add', add), layerNorm, linear), addBias),
  ...binary('Sub', sub),
  ...absorbed(recomposed(binary('Mul', mul), gelu, geluTanh, hardswish), scaleChannels),
  ...recomposed(binary('Div', div), gelu, hardswish),
  variadic('Sum', add),
  variadic('Mean', add, (y, n) => (y instanceof Tensor ? y.div(n) : hostUnary(y, y.dtype, (v) => v / n))),
  ...recomposed([variadic('Max', extreme('Max', 1))], leakyRelu),
  variadic('Min', extreme('Min', -1)),
  ...binary('Pow', power),
  row('Mod', 10, 2, (node) => {
    const fmod = node.flag('fmod');
    return onHost('Mod', (a, b) =>
      hostBinary(a as HostTensor, b as HostTensor, (a as HostTensor).dtype, (x, y) =>
        fmod ? x % y : x - Math.floor(x / y) * y,
      ),
    );
  }),
  same(
    'Neg',
    unary(
      'Neg',
      (x) => x.neg(),
      (x) => -x,
    ),
  ),
  same(
    'Abs',
    unary('Abs', (x) => x.abs(), Math.abs),
  ),
  same(
    'Exp',
    unary('Exp', (x) => x.exp(), Math.exp),
  ),
  same(
    'Log',
    unary('Log', (x) => x.log(), Math.log),
  ),
  same(
    'Sqrt',
    unary('Sqrt', (x) => x.sqrt(), Math.sqrt),
  ),
  same(
    'Reciprocal',
    unary(
      'Reciprocal',
      (x) => full([], 1, { backend: x.backend }).div(x),
      (x) => 1 / x,
    ),
  ),
  hostFunction('Floor', 1, Math.floor),
  hostFunction('Ceil', 1, Math.ceil),
  hostFunction('Round', 11, roundEven),
  hostFunction('Sign', 9, Math.sign),
  hostFunction('Erf', 9, erf),
  hostFunction('Sin', 7, Math.sin),
  hostFunction('Cos', 7, Math.cos),
  hostFunction('Tan', 7, Math.tan),
  hostFunction('Not', 1, (x) => Number(!x), 'bool'),
  hostFunction('IsNaN', 9, (x) => Number(Number.isNaN(x)), 'bool'),
  row('IsInf', 10, 1, (node) => {
    const [below, above] = [node.flag('detect_negative', true), node.flag('detect_positive', true)];
    const f = (x: number) =>
      Number((above && x === Number.POSITIVE_INFINITY) || (below && x === Number.NEGATIVE_INFINITY));
    return onHost('IsInf', (x) => hostUnary(x as HostTensor, 'bool', f));
  }),
  ...comparison('Equal', (a, b) => a === b),
  ...comparison('Greater', (a, b) => a > b),
  ...comparison('GreaterOrEqual', (a, b) => a >= b, 12),
  ...comparison('Less', (a, b) => a < b),
  ...comparison('LessOrEqual', (a, b) => a <= b, 12),
  ...comparison('And', (a, b) => Boolean(a && b)),
  ...comparison('Or', (a, b) => Boolean(a || b)),
  ...comparison('Xor', (a, b) => Boolean(a) !== Boolean(b)),
  row('Where', 9, 3, () => where),
  {
    op: 'Cast',
    since: 6,
    import(node) {
      const to = node.int('to', 0);
      const dtype = dtypeOf(to) ?? node.unsupported(`type ${to}`);
      return node.call1((args) => castTo(args[0] as Value, dtype));
    },
  },
  row('CastLike', 15, 2, () => (args) => {
    const like = (args[1] as Value).dtype as HostDType;
    return castTo(args[0] as Value, like);
  }),
  {
    op: 'Clip',
    since: 1,
    until: 10,
    import(node) {
      const [min, max] = [
        node.float('min', Number.NEGATIVE_INFINITY),
        node.float('max', Number.POSITIVE_INFINITY),
      ];
      const bounds = [min, max].map((bound) => node.constant(HostTensor.of([bound], [], 'float32')));
      return within(node, [node.input(0), ...bounds]);
    },
  },
  { op: 'Clip', since: 11, import: (node) => within(node, node.inputs) },
];

function within(node: OnnxNode, inputs: readonly (Operand | undefined)[]): Operand | readonly Operand[] {
  const [x, min, max] = inputs;
  const { rank } = node.input(0);
  const six =
    min?.constant?.dtype === 'float32' && min.constant.data[0] === 0 && max?.constant?.data[0] === 6;
  if (x && six) return node.layer(new ReLU6(), [x], { rank });
  return node.call1(clip, inputs, { host: [1, 2], rank });
}
