import { Tensor } from '@octet/tensor';
import type { GraphFunction } from '../../graph-module';
import { toTensor, type Value } from '../../host-tensor';

/**
 * A function of values on their backend, where one of them is there and all are of one dtype that it takes, or else `there`, on the
 * host.
 */
export function onDevice(
  dtypes: readonly string[],
  device: (...tensors: Tensor[]) => Value | Value[],
  there: (args: readonly (Value | undefined)[]) => Value | Value[],
): GraphFunction {
  return (args, { backend }) => {
    const given = args as readonly (Value | undefined)[];
    const [first] = given;
    const takes =
      given.some((a) => a instanceof Tensor) &&
      given.every((a) => a !== undefined && a.dtype === first?.dtype && dtypes.includes(a.dtype));
    return takes ? device(...given.map((a) => toTensor(a as Value, backend))) : there(given);
  };
}

export const numbers = ['float32', 'float64', 'int32'];
export const floats = ['float32', 'float64'];
export const all = [...numbers, 'uint8', 'int8', 'bool'];
