import { type HostTensor, onHost } from '../../host-tensor';
import type { OnnxOperator } from '../table';
import { hostBinary, hostUnary, row } from './helpers';

/** A function of the bits of two integers. Those of more than 32 bits are read as int32. */
function bitwise(op: string, f: (a: number, b: number) => number): OnnxOperator {
  const there = onHost(op, (a, b) =>
    hostBinary(a as HostTensor, b as HostTensor, (a as HostTensor).dtype, f),
  );
  return row(op, 18, 2, () => there);
}

export const bits = (): readonly OnnxOperator[] => [
  bitwise('BitwiseAnd', (a, b) => a & b),
  bitwise('BitwiseOr', (a, b) => a | b),
  bitwise('BitwiseXor', (a, b) => a ^ b),
  row('BitShift', 11, 2, (node) => {
    const left = node.string('direction', 'LEFT') === 'LEFT';
    return onHost('BitShift', (a, b) =>
      hostBinary(a as HostTensor, b as HostTensor, (a as HostTensor).dtype, (x, n) =>
        left ? x * 2 ** n : Math.floor(x / 2 ** n),
      ),
    );
  }),
  row('BitwiseNot', 18, 1, () =>
    onHost('BitwiseNot', (x) => hostUnary(x as HostTensor, (x as HostTensor).dtype, (v) => ~v)),
  ),
];
