import { ArgumentError, isFloatDType } from '@octet/backend';
import { Tensor } from '@octet/tensor';
import type { GraphFunction } from '../../graph-module';
import {
  broadcastAll,
  broadcastStrides,
  checkedInt,
  type HostDType,
  HostTensor,
  onHost,
  toHost,
  toTensor,
  type Value,
} from '../../host-tensor';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';

/** A function of operands that are all there, as tensors. */
export function onBackend(fn: (...args: Tensor[]) => Value | readonly Value[]): GraphFunction {
  return (args, { backend }) => fn(...(args.map((a) => a && toTensor(a, backend)) as Tensor[]));
}

/** A row whose node is one function of its inputs, of which the first `inputs` must be there. */
export function row(
  op: string,
  since: number,
  inputs: number,
  fn: (node: OnnxNode) => GraphFunction,
): OnnxOperator {
  return { op, since, inputs, import: (node) => node.call1(fn(node)) };
}

export function isFloat(value: Value | undefined): boolean {
  return value !== undefined && isFloatDType(value.dtype);
}

/** The integers of a value on the host, in a list. */
export function intsOf(value: Value): number[] {
  return toHost(value).toArray();
}

/** The one number of a value. */
export function numberOf(value: Value): number {
  return toHost(value).data[0];
}

/** `axis` counted from the front, whether it is one or not. */
export function fromFront(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** An axis of `rank` dimensions, counted from the front. @throws ArgumentError for one out of range */
export function axisOf(axis: number, rank: number): number {
  const at = fromFront(axis, rank);
  if (Number.isInteger(at) && at >= 0 && at < rank) return at;
  throw new ArgumentError({
    op: 'axis',
    expected: `an axis from ${-rank} to ${rank - 1}`,
    found: String(axis),
    fix: 'Check the axis, and the dimensions of the inputs.',
  });
}

/** f(a, b) for each pair of elements, broadcast. Integers that don't fit are an ArgumentError. */
export function hostBinary(
  a: HostTensor,
  b: HostTensor,
  dtype: HostDType,
  f: (a: number, b: number) => number,
): HostTensor {
  const shape = broadcastAll(a.shape, b.shape);
  const [x, y] = [a, b].map((t) => t.strided(shape, broadcastStrides(t.shape, shape)));
  const out = HostTensor.zeros(shape, dtype);
  for (let i = 0; i < out.data.length; i++) {
    const value = f(x.data[i], y.data[i]);
    if (dtype !== 'int32' || value === (value | 0)) out.data[i] = value;
    else
      out.data[i] =
        isEnd(x.data[i]) || isEnd(y.data[i])
          ? Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, value))
          : checkedInt(value);
  }
  return out;
}

/** What stands for "to the end" may go beyond. */
function isEnd(value: number): boolean {
  return value === 2 ** 31 - 1 || value === -(2 ** 31);
}

export function hostUnary(x: HostTensor, dtype: HostDType, f: (x: number) => number): HostTensor {
  const out = HostTensor.zeros(x.shape, dtype);
  for (let i = 0; i < out.data.length; i++) out.data[i] = f(x.data[i]);
  return out;
}

/** A function of floats on the backend, and of what is on the host already there. */
export function unary(op: string, device: (x: Tensor) => Tensor, host: (x: number) => number): GraphFunction {
  const there = onHost(op, (x) => hostUnary(x as HostTensor, (x as HostTensor).dtype, host));
  return (args) => {
    const [x] = args;
    return x instanceof Tensor && isFloat(x) ? device(x) : there(args);
  };
}

/** The operands' dims in the order before, and back. */
export function inverse(perm: readonly number[]): number[] {
  const out = new Array<number>(perm.length);
  for (const [i, p] of perm.entries()) out[p] = i;
  return out;
}

/** A value with dim `axis` first: for functions along it. */
export function scalar(value: number, dtype: HostDType = 'float32'): HostTensor {
  return HostTensor.of([value], [], dtype);
}

export function isScalar(operand: Operand | undefined): boolean {
  return operand?.constant?.numel === 1;
}
