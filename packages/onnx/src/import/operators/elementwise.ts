import { elementwiseFunctions, roundHalfEven } from '@octet/backend';
import { ReLU6 } from '@octet/nn';
import { where as chosen, full, Tensor } from '@octet/tensor';
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
  dynamicLinear,
  gated,
  gelu,
  geluTanh,
  hardsigmoid,
  hardswish,
  layerNorm,
  leakyRelu,
  linear,
  recomposed,
} from '../recompose';
import type { OnnxOperator } from '../table';
import { dtypeOf } from '../tensors';
import { addBias, scaleChannels } from '../weights';
import { dynamicConv } from './dynamic-conv';
import { axisOf, hostBinary, hostUnary, isFloat, numberOf, row, unary } from './helpers';
import { all, floats, numbers, onDevice } from './on-device';

type Arithmetic = (a: number, b: number, integers: boolean) => number;

/** Floats on the backend, numbers on the host and integers on the host. `first` is for a number on the left. */
function arithmetic(
  op: string,
  device: (a: Tensor, b: Tensor | number) => Tensor,
  first: (a: number, b: Tensor) => Tensor,
  host: Arithmetic,
  integers: (a: Tensor, b: Tensor) => Tensor,
): GraphFunction {
  const there = onHost(op, (a, b) => {
    const { dtype } = a as HostTensor;
    const integers = dtype !== 'float32';
    return hostBinary(a as HostTensor, b as HostTensor, dtype, (x, y) => host(x, y, integers));
  });
  return (args, { backend }) => {
    const [a, b] = args as [Value, Value];
    if (!(a instanceof Tensor || b instanceof Tensor)) return there(args);
    if (a.dtype === 'int32' && b.dtype === 'int32')
      return integers(toTensor(a, backend), toTensor(b, backend));
    if (!(isFloat(a) && isFloat(b))) return there(args);
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
  (a, b) => a.add(b),
);
const sub = /* @__PURE__ */ arithmetic(
  'Sub',
  (a, b) => a.sub(b),
  (a, b) => b.affine(-1, a),
  (a, b) => a - b,
  (a, b) => a.sub(b),
);
const mul = /* @__PURE__ */ arithmetic(
  'Mul',
  (a, b) => a.mul(b),
  (a, b) => b.mul(a),
  (a, b) => a * b,
  (a, b) => a.mul(b),
);
const div = /* @__PURE__ */ arithmetic(
  'Div',
  (a, b) => a.div(b),
  (a, b) => full([], a, { backend: b.backend }).div(b),
  (a, b, integers) => (integers ? Math.trunc(a / b) : a / b),
  (a, b) => a.sub(a.fmod(b)).floorDivide(b),
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
function comparison(
  op: string,
  f: (a: number, b: number) => boolean,
  device: (a: Tensor, b: Tensor) => Tensor,
  since = 1,
): OnnxOperator[] {
  const there = onHost(op, (a, b) =>
    hostBinary(a as HostTensor, b as HostTensor, 'bool', (x, y) => Number(f(x, y))),
  );
  const fn = onDevice(all, device, there);
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
  const both = onDevice(numbers, (a, b) => (sign > 0 ? a.maximum(b) : a.minimum(b)), there);
  return (args, run) => {
    const [a, b] = args as [Value, Value];
    if (a instanceof Tensor && isReal(a) && b instanceof HostTensor && b.numel === 1 && b.dim <= a.dim)
      return clamp(a, b.data[0]);
    if (b instanceof Tensor && isReal(b) && a instanceof HostTensor && a.numel === 1 && a.dim <= b.dim)
      return clamp(b, a.data[0]);
    return both(args, run);
  };
}

const largest = /* @__PURE__ */ extreme('Max', 1);
const smallest = /* @__PURE__ */ extreme('Min', -1);

/** A function of one operand that keeps its shape. */
function same(op: string, fn: GraphFunction): OnnxOperator {
  return { op, since: 1, import: (node) => node.call1(fn, node.inputs, { rank: node.input(0).rank }) };
}

/** x within bounds; where they cross, the upper one. */
const clip: GraphFunction = (args, run) => {
  const [x, low, high] = args as [Value, Value | undefined, Value | undefined];
  // A bound that is worked out on the backend stays there.
  if (low instanceof Tensor || high instanceof Tensor) {
    const above = low ? (largest([x, low], run) as Value) : x;
    return high ? smallest([above, high], run) : above;
  }
  const min = low ? numberOf(low) : Number.NEGATIVE_INFINITY;
  const max = high ? numberOf(high) : Number.POSITIVE_INFINITY;
  if (x instanceof Tensor && isReal(x)) return x.clamp(Math.min(min, max), max);
  return hostUnary(toHost(x), toHost(x).dtype, (v) => Math.min(max, Math.max(min, v)));
};

/** A function of floats on the backend, of integers and what is on the host there. */
function oneOf(
  op: string,
  since: number,
  device: (x: Tensor) => Tensor,
  host: (x: number) => number,
): OnnxOperator {
  return row(op, since, 1, () => unary(op, device, host));
}

/** A predicate, of the dtypes that it takes. */
function predicate(
  op: string,
  since: number,
  dtypes: readonly string[],
  device: (x: Tensor) => Tensor,
  f: (x: number) => boolean,
): OnnxOperator {
  const there = onHost(op, (x) => hostUnary(x as HostTensor, 'bool', (v) => Number(f(v))));
  return row(op, since, 1, () => onDevice(dtypes, device, there));
}

const power: GraphFunction = (args, run) => {
  const [x, e] = args as [Value, Value];
  const exponent =
    e instanceof HostTensor && e.numel === 1 && e.dim <= x.shape.length ? e.data[0] : undefined;
  if (x instanceof Tensor && isFloat(x) && exponent !== undefined) {
    if (exponent === 2) return x.square();
    if (exponent === 0.5) return x.sqrt();
    return x.pow(exponent);
  }
  const there = onHost('Pow', (a, b) => {
    const { dtype } = a as HostTensor;
    const f = dtype === 'float32' ? Math.pow : (p: number, q: number) => Math.trunc(p ** q);
    return hostBinary(a as HostTensor, b as HostTensor, dtype, f);
  });
  return onDevice(floats, (a, b) => a.pow(b), there)(args, run);
};

const whereOnHost = /* @__PURE__ */ onHost('Where', (c, a, b) => {
  const [cond, x, y] = [c, a, b] as HostTensor[];
  const shape = broadcastAll(cond.shape, x.shape, y.shape);
  const [cs, xs, ys] = [cond, x, y].map((t) => t.strided(shape, broadcastStrides(t.shape, shape)));
  const out = HostTensor.zeros(shape, x.dtype);
  for (let i = 0; i < out.data.length; i++) out.data[i] = cs.data[i] ? xs.data[i] : ys.data[i];
  return out;
});

const where: GraphFunction = (args, { backend }) => {
  const [condition, a, b] = args as [Value, Value, Value];
  const isThere = args.some((t) => t instanceof Tensor) && a.dtype === b.dtype && condition.dtype === 'bool';
  if (!isThere) return whereOnHost(args);
  return chosen(toTensor(condition, backend), toTensor(a, backend), toTensor(b, backend));
};

function castTo(value: Value, dtype: HostDType): Value {
  return value.dtype === dtype ? value : value instanceof HostTensor ? value.to(dtype) : value.to(dtype);
}

export const elementwise = (): readonly OnnxOperator[] => [
  ...absorbed(recomposed(binary('Add', add), layerNorm, linear), addBias),
  ...binary('Sub', sub),
  ...absorbed(
    recomposed(binary('Mul', mul), dynamicLinear, dynamicConv, gelu, geluTanh, hardswish, hardsigmoid, gated),
    scaleChannels,
  ),
  ...recomposed(binary('Div', div), gelu, hardswish, hardsigmoid),
  variadic('Sum', add),
  variadic('Mean', add, (y, n) => (y instanceof Tensor ? y.div(n) : hostUnary(y, y.dtype, (v) => v / n))),
  ...recomposed([variadic('Max', largest)], leakyRelu),
  variadic('Min', smallest),
  ...binary('Pow', power),
  row('Mod', 10, 2, (node) => {
    const fmod = node.flag('fmod');
    const there = onHost('Mod', (a, b) =>
      hostBinary(a as HostTensor, b as HostTensor, (a as HostTensor).dtype, (x, y) =>
        fmod ? x % y : x - Math.floor(x / y) * y,
      ),
    );
    return onDevice(numbers, (a, b) => (fmod ? a.fmod(b) : a.remainder(b)), there);
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
  oneOf('Floor', 1, (x) => x.floor(), Math.floor),
  oneOf('Ceil', 1, (x) => x.ceil(), Math.ceil),
  oneOf('Round', 11, (x) => x.round(), roundHalfEven),
  oneOf('Sign', 9, (x) => x.sign(), Math.sign),
  oneOf('Erf', 9, (x) => x.erf(), elementwiseFunctions.erf.forward as (x: number) => number),
  oneOf('Sin', 7, (x) => x.sin(), Math.sin),
  oneOf('Cos', 7, (x) => x.cos(), Math.cos),
  oneOf('Tan', 7, (x) => x.tan(), Math.tan),
  oneOf('Asin', 7, (x) => x.asin(), Math.asin),
  oneOf('Acos', 7, (x) => x.acos(), Math.acos),
  oneOf('Atan', 7, (x) => x.atan(), Math.atan),
  oneOf('Sinh', 9, (x) => x.sinh(), Math.sinh),
  oneOf('Cosh', 9, (x) => x.cosh(), Math.cosh),
  oneOf('Asinh', 9, (x) => x.asinh(), Math.asinh),
  oneOf('Acosh', 9, (x) => x.acosh(), Math.acosh),
  oneOf('Atanh', 9, (x) => x.atanh(), Math.atanh),
  predicate(
    'Not',
    1,
    ['bool'],
    (x) => x.logicalNot(),
    (v) => !v,
  ),
  predicate('IsNaN', 9, floats, (x) => x.isnan(), Number.isNaN),
  row('IsInf', 10, 1, (node) => {
    const [below, above] = [node.flag('detect_negative', true), node.flag('detect_positive', true)];
    const f = (x: number) =>
      Number((above && x === Number.POSITIVE_INFINITY) || (below && x === Number.NEGATIVE_INFINITY));
    const there = onHost('IsInf', (x) => hostUnary(x as HostTensor, 'bool', f));
    if (below && above) return onDevice(floats, (x) => x.isinf(), there);
    if (!below && !above) return there;
    return onDevice(floats, (x) => x.eq(above ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY), there);
  }),
  ...comparison(
    'Equal',
    (a, b) => a === b,
    (a, b) => a.eq(b),
  ),
  ...comparison(
    'Greater',
    (a, b) => a > b,
    (a, b) => a.gt(b),
  ),
  ...comparison(
    'GreaterOrEqual',
    (a, b) => a >= b,
    (a, b) => a.ge(b),
    12,
  ),
  ...comparison(
    'Less',
    (a, b) => a < b,
    (a, b) => a.lt(b),
  ),
  ...comparison(
    'LessOrEqual',
    (a, b) => a <= b,
    (a, b) => a.le(b),
    12,
  ),
  ...comparison(
    'And',
    (a, b) => Boolean(a && b),
    (a, b) => a.logicalAnd(b),
  ),
  ...comparison(
    'Or',
    (a, b) => Boolean(a || b),
    (a, b) => a.logicalOr(b),
  ),
  ...comparison(
    'Xor',
    (a, b) => Boolean(a) !== Boolean(b),
    (a, b) => a.logicalXor(b),
  ),
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
