import { kernel, type Tensor, tidy } from '@octet/tensor/functional';
import { HostTensor, toTensor, type Value } from '../../host-tensor';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';
import { positions } from './indexing';

const { asOperand, contiguous, emptyOn, run } = kernel;

/** Zero points of 4 bits, two to a byte in rows of their own, as floats [rows, groups]; of 8 bits, and floats, as they are. */
function zerosOf(node: OnnxNode, zeros: HostTensor, rows: number, groups: number, bits: number): HostTensor {
  if (zeros.dtype === 'float32') return zeros.reshape([rows, groups]);
  if (zeros.dtype !== 'uint8') node.unsupported(`zero points of ${zeros.dtype}`);
  if (bits === 8) return zeros.to('float32').reshape([rows, groups]);
  const width = Math.ceil(groups / 2);
  const out = HostTensor.zeros([rows, groups], 'float32');
  for (let i = 0; i < out.numel; i++) {
    const [row, group] = [Math.floor(i / groups), i % groups];
    const byte = zeros.data[row * width + (group >> 1)];
    out.data[i] = group % 2 === 0 ? byte & 15 : byte >> 4;
  }
  return out;
}

/** com.microsoft's product by a matrix [N, K] of 4 or 8 bits in blocks along K: the integers stay, as the kernel takes them. */
function matmulNBits(node: OnnxNode): Operand {
  const [K, N, bits, block] = [
    node.int('K', 0),
    node.int('N', 0),
    node.int('bits', 4),
    node.int('block_size', 0),
  ];
  // How exactly engines may compute.
  node.int('accuracy_level', 0);
  if (bits !== 4 && bits !== 8) node.unsupported(`${bits} bits`);
  if (node.inputs[4]) node.unsupported('columns in another order (g_idx)');
  const groups = Math.ceil(K / block);
  const width = bits === 4 ? Math.ceil(K / 2) : K;
  const [, weight, scales, given, , bias] = node.inputs;
  if (!weight?.constant || !scales?.constant || (given && !given.constant)) {
    node.unsupported('a weight that is computed');
  }
  const { constant: codes } = weight as { constant: HostTensor };
  const all = codes.reshape([N, codes.numel / N]);
  const rows = all.shape[1] === width ? all : firstColumns(all, width);
  const operands = [
    node.input(0),
    node.constant(rows, (weight as { name?: string }).name),
    node.constant((scales as { constant: HostTensor }).constant.reshape([N, groups])),
    given?.constant && node.constant(zerosOf(node, given.constant, N, groups, bits)),
    bias,
  ];
  return node.call1(
    (args, { backend }) => {
      const [x, w, scale, zeroPoint, shift] = args.map((v) => v && toTensor(v as Value, backend)) as [
        ...[x: Tensor, weight: Tensor, scale: Tensor],
        ...[zeroPoint: Tensor | undefined, bias: Tensor | undefined],
      ];
      return tidy(() => {
        const y = emptyOn(x, [...x.shape.slice(0, -1), N]);
        const m = x.numel / K;
        run(
          'qlinearWeightOnly',
          {
            x: asOperand(contiguous(x), [m, K]),
            weight: asOperand(contiguous(w), [N, width]),
            scale: asOperand(contiguous(scale), [N, groups]),
            zeroPoint: zeroPoint && asOperand(contiguous(zeroPoint), [N, groups]),
            bias: shift && asOperand(contiguous(shift), [N]),
          },
          { y: asOperand(y, [m, N]) },
          { bits: bits as 4 | 8, groupSize: block },
        );
        return y;
      });
    },
    operands,
    { rank: node.input(0).rank, fold: false },
  );
}

/** Without what fills up the last block of each row. */
function firstColumns(x: HostTensor, width: number): HostTensor {
  const [rows, all] = x.shape;
  const out = HostTensor.zeros([rows, width], x.dtype);
  for (let row = 0; row < rows; row++) {
    out.data.set((x.data as Uint8Array).subarray(row * all, row * all + width), row * width);
  }
  return out;
}

/** com.microsoft's rows of a table of 4 or 8 bits in blocks of its columns: the integers stay, as the kernel takes them. */
function gatherBlocks(node: OnnxNode): Operand {
  const [bits, block] = [node.int('bits', 4), node.int('block_size', 128)];
  const [axis, along] = [node.int('gather_axis', 0), node.int('quantize_axis', 1)];
  const [table, , scales, zeros] = node.inputs;
  const [codes, scale, zero] = [table, scales, zeros].map((input) => input?.constant);
  if (!codes || !scale || (zeros && !zero)) node.unsupported('a table that is computed');
  if (bits !== 4 && bits !== 8) node.unsupported(`${bits} bits`);
  if (codes.dim !== 2 || axis !== 0 || (along !== 1 && along !== -1))
    node.unsupported('other axes than rows of a matrix');
  // Integers of 4 bits that the file has as such are one to an element here.
  if (codes.dtype !== 'uint8' || scale.dtype !== 'float32') node.unsupported(`a table of ${codes.dtype}`);
  const [rows, width] = codes.shape;
  const columns = bits === 4 ? 2 * width : width;
  const groups = Math.ceil(columns / block);
  const index = node.input(1);
  const operands = [
    index,
    node.constant(codes, (table as { name?: string }).name),
    node.constant(scale.reshape([rows, groups])),
    zero && node.constant(zerosOf(node, zero, rows, groups, bits)),
  ];
  return node.call1(
    (args, { backend }) => {
      const [weight, s, z] = args.slice(1).map((v) => v && toTensor(v as Value, backend));
      return tidy(() => {
        const at = positions(node.op, args[0] as Value, rows, backend);
        const y = emptyOn(at, [...at.shape, columns], { dtype: 'float32' });
        run(
          'qembedding',
          {
            weight: asOperand(contiguous(weight as Tensor), [rows, width]),
            scale: asOperand(contiguous(s as Tensor), [rows, groups]),
            zeroPoint: z && asOperand(contiguous(z), [rows, groups]),
            index: contiguous(at),
          },
          { y: asOperand(y, [at.numel, columns]) },
          { bits: bits as 4 | 8, groupSize: block },
        );
        return y;
      });
    },
    operands,
    { host: [0], rank: index.rank === undefined ? undefined : index.rank + 1, fold: false },
  );
}

export const nBitsOperators = (): readonly OnnxOperator[] => [
  { op: 'GatherBlockQuantized', domain: 'com.microsoft', since: 1, inputs: 3, import: gatherBlocks },
  { op: 'MatMulNBits', domain: 'com.microsoft', since: 1, inputs: 3, import: matmulNBits },
];
