/**
 * Files of frameworks with channels last have transpositions around each convolution. Here values stay as convolutions give them:
 * what works on elements goes before the transposition, and two that undo each other are none.
 */
import type { Value } from '../host-tensor';
import type { OnnxNode, Operand } from './node';
import type { OnnxOperator } from './table';

/** Operators of ONNX's own that work element by element, on operands that broadcast. */
const elementwise = /* @__PURE__ */ new Set(
  `Abs Add Ceil Clip Div Elu Erf Exp Floor Gelu HardSigmoid HardSwish LeakyRelu Log Max Min Mish Mul Neg PRelu Pow Relu Round Selu
  Sigmoid Softplus Softsign Sqrt Sub Sum Swish Tanh`.split(/\s+/),
);

/** Dims in the order that puts those of channels last. */
function toLast(rank: number): number[] {
  return Array.from({ length: rank }, (_, d) => (d === 0 ? 0 : d === rank - 1 ? 1 : d + 1));
}

/** Dims in the order that puts the last after the first. */
function toFirst(rank: number): number[] {
  return Array.from({ length: rank }, (_, d) => (d === 0 ? 0 : d === 1 ? rank - 1 : d - 1));
}

/** A transposition: the value that it is known to give back, or what `make` makes, which may be given back later. */
export function turning(x: Operand, perm: readonly number[] | undefined, make: () => Operand): Operand {
  const order = perm?.join();
  if (!perm || perm.length < 3 || x.constant) return make();
  if (x.turned && order === toFirst(perm.length).join()) return x.turned;
  const y = make();
  return order === toLast(perm.length).join() ? { ...y, turned: { ...x, rank: perm.length } } : y;
}

/** The row, which works on operands with channels last as they were before they were transposed. */
export function beforeTurning(row: OnnxOperator): OnnxOperator {
  const isConcat = row.op === 'Concat';
  if ((row.domain ?? '') !== '' || !(isConcat || elementwise.has(row.op))) return row;
  return {
    ...row,
    import(node) {
      const { turned } = node.present.find((o) => o.turned) ?? {};
      const rank = turned?.rank;
      // Before version 7 operands were aligned at an axis.
      if (rank === undefined || node.opset < 7) return row.import(node);
      const inputs = node.inputs.map((o) => (o ? before(node, o, rank, isConcat) : 'absent'));
      if (inputs.includes('other')) return row.import(node);
      const operands = inputs.map((o) => (typeof o === 'string' ? undefined : o));
      const axis = isConcat ? node.int('axis', 1) : 0;
      const at = axis < 0 ? axis + rank : axis;
      if (isConcat && !(at >= 0 && at < rank)) return row.import(node);
      const inner = node.with(operands, isConcat ? { axis: toLast(rank)[at] } : {});
      const [y] = [row.import(inner)].flat() as Operand[];
      const back = node.call1((args) => (args[0] as Value).permute(toLast(rank)), [y], {
        op: 'Transpose',
        rank,
      });
      return back.constant ? back : { ...back, turned: { ...y, rank, source: y.source ?? inner } };
    },
  };
}

/** An operand with its channels first. */
function before(node: OnnxNode, operand: Operand, rank: number, whole: boolean): Operand | 'other' {
  const { constant, turned } = operand;
  if (turned) return turned.rank === rank ? turned : 'other';
  if (!constant) return 'other';
  if (constant.numel === 1 && !whole) return operand;
  if (constant.dim > rank || (whole && constant.dim < rank)) return 'other';
  const lying = constant.reshape([...new Array<number>(rank - constant.dim).fill(1), ...constant.shape]);
  return node.constant(lying.permute(toFirst(rank)), operand.name);
}
