import { ArgumentError } from '@octet/backend';
import { amax, amin, ones, quantizePerChannel, quantizePerTensor, type Tensor, where } from '@octet/tensor';
import type { GraphFunction } from '../../graph-module';
import { type HostDType, HostTensor, toHost, toTensor, type Value } from '../../host-tensor';
import type { OnnxNode, Operand } from '../node';
import { isAroundZero } from '../recompose';
import type { OnnxOperator } from '../table';
import { dtypeOf } from '../tensors';
import { axisOf, fromFront, onBackend } from './helpers';
import { convolver } from './products';

/** A vector along `axis` of a tensor of `rank` dims; what has so many dims is as it is. */
function along<V extends Value>(v: V, axis: number, rank: number): V {
  if (v.numel === 1) return v.reshape([]) as V;
  if (v.shape.length === rank && rank > 1) return v;
  const shape = Array.from({ length: rank }, (_, d) => (d === fromFront(axis, rank) ? v.numel : 1));
  return v.reshape(shape) as V;
}

/** (q - zeroPoint) · scale, in float: one scale, or one for each index of `axis`. */
export function dequantized(q: Value, scale: Value, zeroPoint: Value | undefined, axis: number): Value {
  const rank = q.shape.length;
  if (q instanceof HostTensor) {
    const [s, z] = [toHost(scale), zeroPoint && toHost(zeroPoint)];
    const shaped = [along(s, axis, rank), z && along(z, axis, rank)];
    const stretch = (t: HostTensor) => t.expand(q.shape).data;
    const [scales, zeros] = shaped.map((t) => t && stretch(t));
    const out = HostTensor.zeros(q.shape, 'float32');
    for (let i = 0; i < out.numel; i++)
      out.data[i] = (q.data[i] - (zeros?.[i] ?? 0)) * (scales as ArrayLike<number>)[i];
    return out;
  }
  const there = (v: Value) => along(toTensor(v, q.backend).to('float32'), axis, rank);
  const x = q.to('float32');
  return (zeroPoint ? x.sub(there(zeroPoint)) : x).mul(there(scale));
}

type EightBits = 'uint8' | 'int8';

/** The dtype of a zero point. @throws Unsupported for others than of 8 bits, and if it isn't known */
function eightBits(node: OnnxNode, dtype: HostDType | undefined): EightBits {
  if (dtype === 'uint8' || dtype === 'int8') return dtype;
  return node.unsupported(dtype ? 'other integers than of 8 bits' : 'a zero point of unknown type');
}

/** Integers of `dtype` for floats: x / scale to the nearest, ties to even, plus the zero point. */
export function quantized(
  x: Value,
  scale: Value,
  zeroPoint: Value | undefined,
  axis: number,
  dtype: EightBits,
): Value {
  const [s, z] = [toHost(scale), zeroPoint && toHost(zeroPoint)];
  const q = dtype === 'uint8' ? 'quint8' : 'qint8';
  const zeros = (i: number) => z?.data[i] ?? 0;
  const t = x instanceof HostTensor ? x.tensor() : x;
  const y =
    s.numel === 1
      ? quantizePerTensor(t, s.data[0], zeros(0), q)
      : quantizePerChannel(
          t,
          s.data,
          Array.from(s.data, (_, i) => zeros(i)),
          axisOf(axis, t.dim),
          q,
        );
  return y.intRepr();
}

/** Numbers of blocks of `size` along `axis` as one for each element. @throws ArgumentError for an axis or sizes that don't fit */
function unblocked(v: HostTensor, axis: number, size: number, shape: readonly number[]): HostTensor {
  const dim = axisOf(axis, shape.length);
  const fits =
    v.dim === shape.length && v.shape.every((n, d) => (d === dim ? n * size >= shape[d] : n === shape[d]));
  if (!fits) {
    throw new ArgumentError({
      op: 'blocks',
      expected: `scales for blocks of ${size} along dim ${dim} of [${shape}]`,
      found: `[${v.shape}]`,
      fix: 'Check the scales and the zero points of the file.',
    });
  }
  const spread = [...v.shape.slice(0, dim + 1), size, ...v.shape.slice(dim + 1)];
  const lying = v.reshape([...v.shape.slice(0, dim + 1), 1, ...v.shape.slice(dim + 1)]);
  const whole = v.shape.map((n, d) => (d === dim ? n * size : n));
  return lying.expand(spread).reshape(whole).slice(dim, 0, shape[dim]);
}

/** Integers of 8 bits for floats with a scale and a zero point for each block along an axis. */
function quantizedBlocks(
  x: Tensor,
  scale: HostTensor,
  zeroPoint: HostTensor | undefined,
  type: EightBits,
): Tensor {
  const steps = x.div(scale.on(x.backend)).round();
  const shifted = zeroPoint ? steps.add(zeroPoint.to('float32').on(x.backend)) : steps;
  return (type === 'uint8' ? shifted.clamp(0, 255) : shifted.clamp(-128, 127)).to(type);
}

function quantizeLinear(node: OnnxNode): Operand {
  const [axis, block, to] = [node.int('axis', 1), node.int('block_size', 0), node.int('output_dtype', 0)];
  const zeroPoint = node.inputs[2];
  const dtype = zeroPoint ? zeroPoint.dtype : to ? dtypeOf(to) : 'uint8';
  const type = eightBits(node, dtype);
  const { rank } = node.input(0);
  if (block > 0) {
    return node.call1(
      (args, { backend }) => {
        const x = toTensor(args[0] as Value, backend);
        const [scale, zero] = args.slice(1).map((v) => v && unblocked(toHost(v), axis, block, x.shape)) as [
          HostTensor,
          HostTensor | undefined,
        ];
        return quantizedBlocks(x, scale, zero, type);
      },
      node.inputs,
      { host: [1, 2], rank, fold: false },
    );
  }
  return node.call1(
    (args) => quantized(args[0] as Value, args[1] as Value, args[2], axis, type),
    node.inputs,
    { host: [1, 2], rank, fold: false },
  );
}

function dequantizeLinear(node: OnnxNode): Operand {
  const [axis, block] = [node.int('axis', 1), node.int('block_size', 0)];
  if (block > 0) {
    return node.call1(
      (args) => {
        const q = args[0] as Value;
        const [scale, zero] = args.slice(1).map((v) => v && unblocked(toHost(v), axis, block, q.shape)) as [
          HostTensor,
          HostTensor | undefined,
        ];
        return dequantized(q, scale, zero, axis);
      },
      node.inputs,
      { host: [1, 2], rank: node.input(0).rank },
    );
  }
  const y = node.call1(
    (args) => dequantized(args[0] as Value, args[1] as Value, args[2], axis),
    node.inputs,
    { host: [1, 2], rank: node.input(0).rank },
  );
  const [x, scale, zeroPoint] = node.inputs.map((o) => o?.constant);
  return y.constant && x && isAroundZero(x, zeroPoint) ? { ...y, steps: scale } : y;
}

/** uint8 for floats by their own range, with the scale and the zero point. */
const dynamicQuantize = /* @__PURE__ */ onBackend((x) => {
  const low = amin(x).clamp(undefined, 0);
  const scale = amax(x).clamp(0).sub(low).div(255);
  // Of zeros alone any will do.
  const step = where(scale.eq(0), ones([], { backend: x.backend }), scale);
  const zero = low.div(step).neg().round().clamp(0, 255);
  return [x.div(step).round().add(zero).clamp(0, 255).to('uint8'), scale, zero.to('uint8')];
});

/** Floats [..., m, k] · [..., k, n] of integers less their zero points: exact while sums stay below 2^24. */
const matmulInteger: GraphFunction = ([a, b, zeroA, zeroB], { backend }) => {
  const one = HostTensor.of([1], [], 'float32');
  const left = toTensor(dequantized(a as Value, one, zeroA, -2), backend);
  const right = toTensor(dequantized(b as Value, one, zeroB, -1), backend);
  return left.matmul(right).to('int32');
};

/** int32 of a convolution of integers less their zero points. */
function convInteger(node: OnnxNode): Operand {
  const convolve = convolver(node, node.input(1).rank);
  const one = HostTensor.of([1], [], 'float32');
  return node.call1(
    ([x, w, zeroX, zeroW], { backend }) => {
      const weight = toTensor(dequantized(w as Value, one, zeroW, 0), backend);
      return convolve(toTensor(dequantized(x as Value, one, zeroX, 1), backend), weight).to('int32');
    },
    node.inputs,
    { host: [2, 3], rank: node.input(0).rank, fold: false },
  );
}

export const quantizedOperators = (): readonly OnnxOperator[] => [
  { op: 'QuantizeLinear', since: 10, inputs: 2, import: quantizeLinear },
  { op: 'DequantizeLinear', since: 10, inputs: 2, import: dequantizeLinear },
  { op: 'QuantizeLinear', domain: 'com.microsoft', since: 1, inputs: 2, import: quantizeLinear },
  { op: 'DequantizeLinear', domain: 'com.microsoft', since: 1, inputs: 2, import: dequantizeLinear },
  {
    op: 'DynamicQuantizeLinear',
    since: 11,
    import: (node) => node.call(dynamicQuantize, node.inputs, { outputs: 3 }),
  },
  {
    op: 'MatMulInteger',
    since: 10,
    inputs: 2,
    import: (node) => node.call1(matmulInteger, node.inputs, { host: [2, 3], fold: false }),
  },
  { op: 'ConvInteger', since: 10, inputs: 2, import: convInteger },
];
