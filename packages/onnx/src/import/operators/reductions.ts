import { Tensor } from '@octet/tensor';
import { HostTensor, onHost, rowMajor, type Value } from '../../host-tensor';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';
import { axisOf, fromFront, intsOf, isFloat } from './helpers';

interface Reduction {
  /** On the backend; undefined: only on the host. */
  device?(x: Tensor, dims: number[], keep: boolean): Tensor;
  /** As `device`, of int32. */
  integers?(x: Tensor, dims: number[], keep: boolean): Tensor;
  /** All elements of one result. */
  host(values: Float64Array): number;
}

const total = (values: Float64Array) => values.reduce((a, b) => a + b, 0);

/** The last of the sums up to each element. */
function integerSum(x: Tensor, dims: number[], keep: boolean): Tensor {
  const last = dims.reduce((y, d) => y.cumsum(d).slice(d, y.shape[d] - 1, y.shape[d]), x);
  return keep ? last : last.reshape(x.shape.filter((_, d) => !dims.includes(d)));
}

const reductions: Readonly<Record<string, Reduction>> = {
  ReduceSum: { device: (x, dims, keep) => x.sum(dims, keep), integers: integerSum, host: total },
  ReduceMean: { device: (x, dims, keep) => x.mean(dims, keep), host: (v) => total(v) / v.length },
  ReduceMax: {
    device: (x, dims, keep) => x.amax(dims, keep),
    host: (v) => v.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  },
  ReduceMin: {
    device: (x, dims, keep) => x.neg().amax(dims, keep).neg(),
    host: (v) => v.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
  },
  ReduceProd: { host: (v) => v.reduce((a, b) => a * b, 1) },
  ReduceL1: { device: (x, dims, keep) => x.abs().sum(dims, keep), host: (v) => total(v.map(Math.abs)) },
  ReduceL2: { device: (x, dims, keep) => x.square().sum(dims, keep).sqrt(), host: (v) => Math.hypot(...v) },
  ReduceSumSquare: {
    device: (x, dims, keep) => x.square().sum(dims, keep),
    host: (v) => total(v.map((a) => a * a)),
  },
  ReduceLogSum: { device: (x, dims, keep) => x.sum(dims, keep).log(), host: (v) => Math.log(total(v)) },
  ReduceLogSumExp: {
    device: (x, dims, keep) => {
      const top = x.amax(dims, true);
      const y = x.sub(top).exp().sum(dims, true).log().add(top);
      return keep ? y : y.reshape(x.shape.filter((_, d) => !dims.includes(d)));
    },
    host: (v) => {
      const top = v.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      return top === Number.NEGATIVE_INFINITY ? top : top + Math.log(total(v.map((a) => Math.exp(a - top))));
    },
  },
};

/** f over the elements along `dims`, on the host. */
function reduceHost(
  x: HostTensor,
  dims: readonly number[],
  keep: boolean,
  f: (values: Float64Array) => number,
): HostTensor {
  const strides = rowMajor(x.shape);
  const kept = x.shape.map((_, d) => d).filter((d) => !dims.includes(d));
  const moved = x.strided(
    [...kept, ...dims].map((d) => x.shape[d]),
    [...kept, ...dims].map((d) => strides[d]),
  );
  const count = dims.reduce((n, d) => n * x.shape[d], 1);
  const out = HostTensor.zeros(
    x.shape.map((n, d) => (dims.includes(d) ? 1 : n)),
    x.dtype,
  );
  for (let i = 0; i < out.numel; i++) {
    const value = f(Float64Array.from(moved.data.subarray(i * count, (i + 1) * count)));
    out.data[i] =
      x.dtype === 'int32' ? Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(value))) : value;
  }
  return keep ? out : out.reshape(kept.map((d) => x.shape[d]));
}

function reduction(op: string, { device, integers, host }: Reduction): OnnxOperator[] {
  const build = (
    node: OnnxNode,
    inputs: readonly (Operand | undefined)[],
    given: readonly number[] | undefined,
  ) => {
    const keep = node.flag('keepdims', true);
    const nothing = node.flag('noop_with_empty_axes');
    const { rank } = node.input(0);
    return node.call1(
      (args) => {
        const [x, axes] = args as [Value, Value | undefined];
        const asked = axes ? intsOf(axes) : (given ?? []);
        if (asked.length === 0 && nothing) return elementwise(op, x, host);
        const all = x.shape.map((_, d) => d);
        const dims =
          asked.length === 0 ? all : all.filter((d) => asked.some((a) => fromFront(a, x.shape.length) === d));
        if (x instanceof Tensor && x.numel > 0) {
          if (device && (isFloat(x) || x.isQuantized)) return device(x, dims, keep);
          if (integers && x.dtype === 'int32') return integers(x, dims, keep);
        }
        return onHost(op, (t) => reduceHost(t as HostTensor, dims, keep, host))([x]);
      },
      inputs,
      { host: [1], rank: keep ? rank : undefined, attributes: { axes: given, keep, nothing } },
    );
  };
  const inputSince = op === 'ReduceSum' ? 13 : 18;
  return [
    { op, since: inputSince, import: (node) => build(node, node.inputs, undefined) },
    {
      op,
      since: 1,
      until: inputSince - 1,
      import: (node) => build(node, [node.input(0)], node.ints('axes')),
    },
  ];
}

/** Without axes each element is reduced by itself: what is done to it before and after stays. */
function elementwise(op: string, x: Value, host: (values: Float64Array) => number): Value {
  if (/^Reduce(Sum|Mean|Max|Min|Prod)$/.test(op)) return x;
  const done = onHost(op, (t) => reduceHost(t as HostTensor, [], true, host))([x]);
  return done as Value;
}

/** The index of the largest (or smallest) along an axis; int32. */
function argument(op: string, sign: 1 | -1): OnnxOperator {
  return {
    op,
    since: 1,
    import(node) {
      const [axis, keep, last] = [
        node.int('axis', 0),
        node.flag('keepdims', true),
        node.flag('select_last_index'),
      ];
      return node.call1(
        (args) => {
          const [x] = args as [Value];
          const dim = axisOf(axis, x.shape.length);
          if (x instanceof Tensor && isFloat(x) && !last && x.numel > 0)
            return (sign > 0 ? x : x.neg()).argmax(dim, keep);
          const best = (v: Float64Array) => {
            let at = 0;
            for (let i = 1; i < v.length; i++)
              if (sign * v[i] > sign * v[at] || (last && v[i] === v[at])) at = i;
            return at;
          };
          return onHost(op, (t) => {
            const y = reduceHost(t as HostTensor, [dim], keep, best);
            return new HostTensor(Int32Array.from(y.data), y.shape, 'int32');
          })([x]);
        },
        node.inputs,
        { rank: keep ? node.input(0).rank : undefined },
      );
    },
  };
}

export const reductionsTable = (): readonly OnnxOperator[] => [
  ...Object.entries(reductions).flatMap(([op, r]) => reduction(op, r)),
  argument('ArgMax', 1),
  argument('ArgMin', -1),
];
