/** QuantizeLinear and DequantizeLinear: how ONNX says that a float operation runs on integers. */
import { type QuantizedDType, quantRange, storageDType, type TypedArray } from '@octet/backend';
import type { PerTensorQParams, QParams, Tensor } from '@octet/tensor';
import { cannotExport } from '../errors';
import type { Attributes, Graph, OnnxDType, Value } from './graph';

/** The floats that the integers `x` mean; made once for each scale that they are read at. */
export function dequantize(graph: Graph, x: Value, qparams: QParams): Value {
  return graph.once(x, `dequantize ${describe(qparams)}`, () => {
    const { scale, zeroPoint } =
      quantizedAt(x, qparams) ?? parameters(graph, x.dtype, qparams, x.constant?.name);
    // Integers of 32 bits have no zero point.
    const inputs = x.dtype === 'int32' ? [x, scale] : [x, scale, zeroPoint];
    if (x.dtype === 'int32' && !isSymmetric(qparams)) {
      throw cannotExport({
        expected: 'a zero point of 0 for qint32',
        found: describe(qparams),
        fix: 'ONNX has no other: quantize to quint8 or qint8.',
      });
    }
    return graph.node('DequantizeLinear', inputs, { shape: x.shape, dtype: 'float32' }, axisOf(qparams));
  });
}

/** The integers of `x`, in the dtype, scale and zero point of the tensor `like`. */
export function quantize(graph: Graph, x: Value, like: Tensor): Value {
  const { dtype, qparams } = like;
  if (!qparams || dtype === 'qint32') {
    throw cannotExport({
      expected: 'tensors quantized to 8 bits',
      found: dtype,
      fix: 'ONNX quantizes to uint8 and int8 only.',
    });
  }
  const { scale, zeroPoint } = parameters(graph, storageDType(dtype), qparams);
  return graph.node('QuantizeLinear', [x, scale, zeroPoint], { shape: x.shape, dtype }, axisOf(qparams));
}

/** As `quantize`, for an operation that may keep its integers from `clampMin` to `clampMax`, as a fused ReLU does. */
export function quantizeClamped(
  graph: Graph,
  x: Value,
  like: Tensor,
  { clampMin, clampMax }: { clampMin: number; clampMax: number },
): Value {
  return quantize(graph, clampToIntegers(graph, x, like, clampMin, clampMax), like);
}

/** Bounds the floats `x` so that, quantized as `like`, they are integers from `lo` to `hi`. */
export function clampToIntegers(graph: Graph, x: Value, like: Tensor, lo: number, hi: number): Value {
  const [min, max] = quantRange[like.dtype as QuantizedDType];
  const { scale, zeroPoint } = like.qparams as PerTensorQParams;
  if (lo <= min && hi >= max) return x;
  if (lo === zeroPoint && hi >= max) return graph.node('Relu', [x], x);
  const bound = (q: number) => graph.scalar('float32', Math.fround(q - zeroPoint) * Math.fround(scale));
  return graph.node('Clip', [x, lo > min ? bound(lo) : undefined, hi < max ? bound(hi) : undefined], x);
}

/** The floats that `x` was quantized from at just these parameters, if they were integers at another scale before. */
export function requantizedFrom(x: Value, qparams: QParams): Value | undefined {
  const [floats] = quantizedAt(x, qparams) ? (x.node?.inputs ?? []) : [];
  return floats?.node?.op === 'DequantizeLinear' ? floats : undefined;
}

interface Parameters {
  readonly scale: Value;
  readonly zeroPoint: Value;
}

/** The parameters that `x` was quantized with, if they are these: what reads it shares them. */
function quantizedAt({ node }: Value, qparams: QParams): Parameters | undefined {
  if (node?.op !== 'QuantizeLinear' || qparams.scheme !== 'perTensor') return undefined;
  const [, scale, zeroPoint] = node.inputs as Value[];
  const number = ({ constant }: Value) => Number((constant?.data as TypedArray | undefined)?.[0]);
  const same =
    scale.shape.length === 0 &&
    number(scale) === Math.fround(qparams.scale) &&
    number(zeroPoint) === qparams.zeroPoint;
  return same ? { scale, zeroPoint } : undefined;
}

/**
 * Constants of their own for each tensor: where onnxruntime rewrites int8 weights as uint8, it can't have zero points that
 * several share. `name` is that of a constant; an activation's are called as in the state dict of its layer.
 */
function parameters(graph: Graph, dtype: OnnxDType, q: QParams, name?: string): Parameters {
  const prefix = name ? `${name}_` : graph.scope && `${graph.scope}.`;
  const [shape, scales, zeroPoints] =
    q.scheme === 'perTensor' ? [[], [q.scale], [q.zeroPoint]] : [[q.scales.length], q.scales, q.zeroPoints];
  return {
    scale: graph.constant('float32', shape, scales, `${prefix}scale`),
    zeroPoint: graph.constant(dtype, shape, zeroPoints, `${prefix}zero_point`),
  };
}

function isSymmetric(q: QParams): boolean {
  return q.scheme === 'perTensor' ? q.zeroPoint === 0 : q.zeroPoints.every((z) => z === 0);
}

function axisOf(q: QParams): Attributes {
  return q.scheme === 'perTensor' ? {} : { axis: { int: q.axis } };
}

function describe(q: QParams): string {
  return q.scheme === 'perTensor' ? `${q.scale} ${q.zeroPoint}` : `${q.axis} ${q.scales} ${q.zeroPoints}`;
}
