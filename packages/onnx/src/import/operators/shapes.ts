import { full, Tensor } from '@octet/tensor';
import { HostTensor, type Value } from '../../host-tensor';
import type { OnnxOperator } from '../table';
import { fromFront, intsOf, numberOf } from './helpers';

export const shapes = (): readonly OnnxOperator[] => [
  {
    op: 'Shape',
    since: 1,
    import(node) {
      const [start, end] = [node.int('start', 0), node.int('end')];
      const { rank } = node.input(0);
      const all = start === 0 && end === undefined;
      const y = node.call1((args) => {
        const { shape } = args[0] as Value;
        const at = (i: number) => Math.min(Math.max(fromFront(i, shape.length), 0), shape.length);
        return HostTensor.ints(shape.slice(at(start), end === undefined ? shape.length : at(end)));
      });
      return { ...y, rank: 1, ...(all && rank !== undefined && { length: rank }) };
    },
  },
  {
    op: 'Size',
    since: 1,
    import: (node) =>
      node.call1((args) => HostTensor.of([(args[0] as Value).shape.reduce((a, b) => a * b, 1)], [], 'int32')),
  },
  {
    op: 'Constant',
    since: 1,
    inputs: 0,
    import(node) {
      const list = node.floats('value_floats') ?? node.ints('value_ints');
      const one = node.float('value_float') ?? node.int('value_int');
      const dtype = node.has('value_floats') || node.has('value_float') ? 'float32' : 'int32';
      const name = node.outputs[0];
      if (list) return node.constant(HostTensor.of(list, [list.length], dtype), name);
      if (one !== undefined) return node.constant(HostTensor.of([one], [], dtype), name);
      const value = node.tensor('value');
      return value
        ? node.constant(value, name)
        : node.unsupported(node.has('sparse_value') ? 'a sparse value' : 'a text');
    },
  },
  {
    op: 'ConstantOfShape',
    since: 9,
    import(node) {
      const value = node.tensor('value') ?? HostTensor.zeros([1], 'float32');
      return node.call1(
        (args, { backend }) => {
          const shape = intsOf(args[0] as Value);
          // Large ones only where they are used.
          if (value.dtype === 'float32' && shape.reduce((a, b) => a * b, 1) > 2 ** 20)
            return full(shape, value.data[0], { backend });
          const out = HostTensor.zeros(shape, value.dtype);
          out.data.fill(value.data[0]);
          return out;
        },
        node.inputs,
        { host: [0], rank: node.input(0).constant?.numel },
      );
    },
  },
  {
    op: 'Range',
    since: 11,
    inputs: 3,
    import: (node) =>
      node.call1(
        (args) => {
          const [start, limit, step] = args.map((a) => numberOf(a as Value));
          const count = Math.max(0, Math.ceil((limit - start) / step));
          const out = HostTensor.zeros([count], (args[0] as Value).dtype === 'float32' ? 'float32' : 'int32');
          for (let i = 0; i < count; i++) out.data[i] = start + i * step;
          return out;
        },
        node.inputs,
        { host: [0, 1, 2], rank: 1 },
      ),
  },
  {
    op: 'EyeLike',
    since: 9,
    import(node) {
      const k = node.int('k', 0);
      return node.call1((args) => {
        const [rows, columns] = (args[0] as Value).shape;
        const out = HostTensor.zeros([rows, columns], 'float32');
        for (let r = 0; r < rows; r++) if (r + k >= 0 && r + k < columns) out.data[r * columns + r + k] = 1;
        return out;
      });
    },
  },
];

export function isTensor(value: Value): value is Tensor {
  return value instanceof Tensor;
}
