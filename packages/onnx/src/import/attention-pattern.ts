import { scaledDotProductAttention, type Tensor } from '@octet/tensor';
import { toTensor, type Value } from '../host-tensor';
import type { OnnxNode, Operand } from './node';
import { madeBy, numberIn, same } from './recompose';

interface Pieces {
  readonly q: Operand;
  /** Transposed: [..., width, keys]. */
  readonly k: Operand;
  readonly v: Operand;
  /** Added to the scores, or in bool where keys are seen. */
  readonly mask: Operand | undefined;
  readonly scale: number;
}

/** What stands for -infinity in masks. */
const FAR = -1e4;

/** An operand times a number, or divided by one: what is multiplied, and the number. */
function scaled(operand: Operand | undefined): [x: Operand | undefined, scale: number] {
  const node = madeBy(operand, 'Mul') ?? madeBy(operand, 'Div');
  const [a, b] = node?.inputs ?? [];
  const [left, right] = [numberIn(a), numberIn(b)];
  if (node?.op === 'Div') return right === undefined ? [operand, 1] : [a, 1 / right];
  if (right !== undefined) return [a, right];
  return left !== undefined ? [b, left] : [operand, 1];
}

/** The two factors of scores q · kᵀ, times numbers at any place. */
function products(scores: Operand | undefined): Omit<Pieces, 'v' | 'mask'> | undefined {
  const [product, outer] = scaled(scores);
  const matmul = madeBy(product, 'MatMul');
  if (!matmul) return undefined;
  const [[q, left], [k, right]] = [scaled(matmul.inputs[0]), scaled(matmul.inputs[1])];
  // A constant on the right is a layer, not a sequence.
  return q && k && !q.constant && !k.constant ? { q, k, scale: outer * left * right } : undefined;
}

/** Scores and what masks them. */
function masked(scores: Operand | undefined): Omit<Pieces, 'v'> | undefined {
  const where = madeBy(scores, 'Where');
  if (where) {
    const hidden = numberIn(where.inputs[2]);
    const found = hidden !== undefined && hidden <= FAR ? products(where.inputs[1]) : undefined;
    return found && { ...found, mask: where.inputs[0] };
  }
  const add = madeBy(scores, 'Add');
  if (!add) {
    const found = products(scores);
    return found && { ...found, mask: undefined };
  }
  const [a, b] = add.inputs;
  for (const [sum, mask] of [
    [a, b],
    [b, a],
  ]) {
    const found = products(sum);
    if (found) return { ...found, mask };
  }
  return undefined;
}

/** softmax(q · kᵀ · scale + mask) · v, of which `matmul` is the last product; undefined if it is none, or others want its weights. */
function piecesOf(matmul: OnnxNode): Pieces | undefined {
  const [weights, v] = matmul.inputs;
  if (!weights || !v || v.constant || !matmul.isReadOnce(weights)) return undefined;
  // Rows whose keys are all masked, made zeros.
  const where = madeBy(weights, 'Where');
  const softmax = madeBy(where && numberIn(where.inputs[2]) === 0 ? where.inputs[1] : weights, 'Softmax');
  const axis = softmax?.int('axis', softmax.opset < 13 ? 1 : -1);
  const found = softmax && masked(softmax.input(0));
  const rank = softmax?.input(0).rank ?? v.rank ?? found?.q.rank;
  if (!(axis === -1 || (rank !== undefined && axis === rank - 1))) return undefined;
  if (!found || (where && !same(where.inputs[0], found.mask))) return undefined;
  return { ...found, v };
}

/** Attention in pieces as one function, which holds no scores where shapes are those of heads; else it is the pieces again. */
export function attentionOf(matmul: OnnxNode): Operand | undefined {
  const pieces = piecesOf(matmul);
  if (!pieces) return undefined;
  const { q, k, v, mask, scale } = pieces;
  const inputs = mask ? [q, k, v, mask] : [q, k, v];
  return matmul.call1(
    (args, { backend }) => {
      const [left, right, values, added] = args.map((t) => toTensor(t as Value, backend));
      return attend(left, right, values, added, scale);
    },
    inputs,
    { op: 'attention', rank: matmul.input(1).rank, fold: false },
  );
}

function attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | undefined, scale: number): Tensor {
  const lead = (t: Tensor) => `${t.shape.slice(0, -2)}`;
  const full = [...q.shape.slice(0, -1), k.shape.at(-1) as number];
  const fits =
    q.dim >= 2 &&
    q.dim <= 4 &&
    [k, v].every((t) => t.dim === q.dim && lead(t) === lead(q)) &&
    (!mask ||
      (mask.dim <= q.dim && mask.shape.every((d, i) => d === 1 || d === full[full.length - mask.dim + i])));
  if (fits) {
    return scaledDotProductAttention(q, k.transpose(-2, -1), v, {
      scale,
      ...(mask ? { attnMask: mask } : {}),
    });
  }
  const scores = q.mul(scale).matmul(k);
  const added = mask && (mask.dtype === 'bool' ? mask.to('float32').log() : mask);
  return (added ? scores.add(added) : scores).softmax(-1).matmul(v);
}
