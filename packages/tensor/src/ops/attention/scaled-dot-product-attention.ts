import { ArgumentError, type AttentionAttrs, checkOptions, DTypeError, ShapeError } from '@octet/backend';
import { isGradEnabled, op } from '../../autograd';
import { fromData } from '../../factory';
import { asOperand, contiguous, emptyOn, expandTo, requireFloat, requireTensor, run } from '../../kernel';
import { formatShape, numel, sameShape } from '../../layout';
import type { Generator } from '../../random';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { add } from '../elementwise/add';
import { affine } from '../elementwise/affine';
import { cast } from '../elementwise/cast';
import { clamp } from '../elementwise/clamp';
import { dropout } from '../elementwise/dropout';
import { log } from '../elementwise/log';
import { mul } from '../elementwise/mul';
import { matmul } from '../product/matmul';
import { amax } from '../reduce/amax';
import { softmax } from '../reduce/softmax';
import { reshape } from '../shape/reshape';
import { transpose } from '../shape/transpose';

export interface ScaledDotProductAttentionOptions {
  /**
   * Broadcasts to [..., L, S]. Bool: true where a key takes part. Else numbers of q's dtype, which are added to the scores.
   */
  attnMask?: Tensor | undefined;
  /** The share of weights that become 0, always: give 0 when evaluating. */
  dropoutP?: number;
  /** Row i sees the keys 0 to i, counted from the first of both. */
  isCausal?: boolean;
  /** 1 / sqrt(E) by default. */
  scale?: number | undefined;
  /** k and v may have fewer heads than q: each serves as many neighbours. */
  enableGqa?: boolean;
  /** For the dropout. */
  generator?: Generator;
}

/** The sizes of q, k and v; `batch` is what comes before the heads. */
interface Sizes {
  readonly batch: readonly number[];
  readonly H: number;
  readonly G: number;
  readonly L: number;
  readonly S: number;
  readonly E: number;
  readonly D: number;
}

const NAME = 'scaledDotProductAttention';

/**
 * softmax(q · kᵀ · scale + mask) · v: q [..., H, L, E], k [..., H, S, E], v [..., H, S, D] → [..., H, L, D]; the dims before the last
 * two, of which there may be none, are the same in all. One kernel, which never holds all scores; with dropout, or a mask that
 * requires a gradient, made of several. A row whose keys are all masked gives zeros.
 *
 * @throws ShapeError, also where the mask doesn't broadcast
 * @throws DTypeError unless q, k and v have one float dtype, and the mask that or bool
 * @throws ArgumentError for both a mask and `isCausal`; unless dropoutP is 0 … 1, or the number of q's heads a multiple of
 * that of k's (with `enableGqa`)
 */
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: ScaledDotProductAttentionOptions = {},
): Tensor {
  const {
    attnMask,
    dropoutP = 0,
    isCausal = false,
    scale,
    enableGqa = false,
    generator,
  } = checkOptions(NAME, options, 'attnMask dropoutP isCausal scale enableGqa generator');
  requireFloat(NAME, q, k, v);
  const sizes = sizesOf(q, k, v, enableGqa);
  const mask = attnMask && requireMask(attnMask, q, sizes, isCausal);
  const attrs = { scale: scale ?? 1 / Math.sqrt(sizes.E), causal: isCausal };
  if (dropoutP !== 0 || (mask?.requiresGrad && isGradEnabled())) {
    return composed(q, k, v, mask, attrs, sizes, (weights) =>
      dropout(weights, dropoutP, { training: true, ...(generator ? { generator } : {}) }),
    );
  }
  const { batch, H, G, L, S, E, D } = sizes;
  const N = numel(batch);
  return op(NAME, { q, k, v }, (save, needs) => {
    const given = { q: contiguous(q), k: contiguous(k), v: contiguous(v), mask: mask && asRows(mask, sizes) };
    const shapes = { q: [N, H, L, E], k: [N, G, S, E], v: [N, G, S, D], y: [N, H, L, D], rows: [N, H, L] };
    const y = emptyOn(q, [...q.shape.slice(0, -1), D]);
    const recording = Object.values(needs).some((needed) => needed);
    const logSum = recording ? emptyOn(q, shapes.rows) : undefined;
    const operands = (t: typeof given) => ({
      q: asOperand(t.q, shapes.q),
      k: asOperand(t.k, shapes.k),
      v: asOperand(t.v, shapes.v),
      mask: t.mask && asOperand(t.mask, t.mask.shape),
    });
    run(
      'attention',
      operands(given),
      { y: asOperand(y, shapes.y), logSum: logSum && asOperand(logSum, shapes.rows) },
      attrs,
    );
    if (!logSum) return [y];
    const [savedY, savedSum] = [save(y), save(logSum)];
    const saved = {
      q: save(given.q),
      k: save(given.k),
      v: save(given.v),
      mask: given.mask && save(given.mask),
    };
    const [shapeQ, shapeK, shapeV] = [q.shape, k.shape, v.shape];
    return [
      y,
      (grad) => {
        const [gradQ, gradK, gradV] = [shapeQ, shapeK, shapeV].map((shape) => emptyOn(savedY, shape));
        run(
          'attentionBackward',
          {
            ...operands(saved),
            y: asOperand(savedY, shapes.y),
            logSum: asOperand(savedSum, shapes.rows),
            gradY: asOperand(contiguous(grad), shapes.y),
          },
          {
            gradQ: asOperand(gradQ, shapes.q),
            gradK: asOperand(gradK, shapes.k),
            gradV: asOperand(gradV, shapes.v),
          },
          attrs,
        );
        return [gradQ, gradK, gradV];
      },
    ];
  });
}

function sizesOf(q: Tensor, k: Tensor, v: Tensor, enableGqa: boolean): Sizes {
  const [batch, batchK, batchV] = [q, k, v].map((t) => t.shape.slice(0, -2));
  const [L, E] = q.shape.slice(-2);
  const [S, D] = v.shape.slice(-2);
  const ranks = q.shape.length >= 2 && [k, v].every((t) => t.shape.length === q.shape.length);
  const H = batch.at(-1) ?? 1;
  const G = batchK.at(-1) ?? 1;
  const fits =
    ranks &&
    sameShape(k.shape.slice(-2), [S, E]) &&
    sameShape(batchK, batchV) &&
    sameShape(batch.slice(0, -1), batchK.slice(0, -1)) &&
    (H === G || enableGqa);
  if (!fits) {
    throw new ShapeError({
      op: NAME,
      expected: 'q [..., H, L, E], k [..., H, S, E], v [..., H, S, D]',
      found: [q, k, v].map((t) => formatShape(t.shape)).join(', '),
      fix:
        ranks && H !== G
          ? 'Fewer heads of k and v than of q need { enableGqa: true }.'
          : 'Transpose what has its heads behind its rows, expand what is the same for several.',
    });
  }
  if (H !== G && (G === 0 || H % G !== 0)) {
    throw new ArgumentError({
      op: NAME,
      expected: 'a number of heads of q that is a multiple of those of k and v',
      found: `${H} and ${G}`,
      fix: 'With enableGqa each head of k and v serves the same number of heads of q.',
    });
  }
  return { batch: batch.slice(0, -1), H, G, L, S, E, D };
}

/** The mask with as many dims as [...batch, H, L, S]. */
function requireMask(mask: Tensor, q: Tensor, { batch, H, L, S }: Sizes, isCausal: boolean): Tensor {
  requireTensor(NAME, mask);
  if (isCausal) {
    throw new ArgumentError({
      op: NAME,
      expected: 'a mask or isCausal',
      found: 'both',
      fix: 'Leave isCausal out and mask what lies above the diagonal too.',
    });
  }
  if (mask.dtype !== 'bool') {
    if (mask.dtype !== q.dtype) {
      throw new DTypeError({
        op: NAME,
        expected: `attnMask of dtype bool or ${q.dtype}`,
        found: mask.dtype,
        fix: "Convert it: to('bool') is true where a key takes part, numbers are added to the scores.",
      });
    }
    requireFloat(NAME, q, mask);
  }
  // No heads, and one: the same to the kernel.
  const full = q.shape.length === 2 ? [L, S] : [...batch, H, L, S];
  const own = mask.shape;
  const lead = full.length - own.length;
  if (lead < 0 || own.some((d, i) => d !== 1 && d !== full[lead + i])) {
    throw new ShapeError({
      op: NAME,
      expected: `attnMask that broadcasts to ${formatShape(full)}`,
      found: formatShape(own),
      fix: 'Its last two dims are rows of q and keys; a mask of keys [N, S] needs unsqueeze(1).unsqueeze(1).',
    });
  }
  return reshape(mask, [...Array.from({ length: batch.length + 3 - own.length }, () => 1), ...own]);
}

/** The mask as [N or 1, H or 1, L or 1, S] for the kernel. */
function asRows(mask: Tensor, { batch, H, L, S }: Sizes): Tensor {
  const lead = mask.shape.slice(0, -3);
  const [h, l] = mask.shape.slice(-3);
  const one = numel(lead) === 1;
  const shape = [...(one ? lead : batch), h, l, S];
  return reshape(contiguous(expandTo(mask, shape)), [
    one ? 1 : numel(batch),
    h === 1 ? 1 : H,
    l === 1 ? 1 : L,
    S,
  ]);
}

/** The same, op by op: what has weights in hand to drop, and a gradient for the mask. */
function composed(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask: Tensor | undefined,
  { scale, causal }: AttentionAttrs,
  { batch, H, G, L, S, E, D }: Sizes,
  drop: (weights: Tensor) => Tensor,
): Tensor {
  return tidy(() => {
    // Heads of q beside those of k and v that they share.
    const left = reshape(q, [...batch, G, H / G, L, E]);
    const [right, values] = [reshape(k, [...batch, G, 1, S, E]), reshape(v, [...batch, G, 1, S, D])];
    let scores = affine(matmul(left, transpose(right, -1, -2)), scale, 0);
    let alive: Tensor | undefined;
    if (mask || causal) {
      const added = mask ? additive(mask, q) : causalMask(q, L, S);
      const [h] = added.shape.slice(-3);
      const heads = added.shape.length > 2 ? (h === 1 ? [1, 1] : [G, H / G]) : [];
      const shaped = reshape(added, [...added.shape.slice(0, -3), ...heads, ...added.shape.slice(-2)]);
      // Rows of -infinity get equal weights here, and are made 0 at the end.
      scores = clamp(add(scores, shaped), LEAST);
      if (S > 0) {
        const best = clamp(amax(shaped.detach(), -1, true), LEAST, 0);
        alive = cast(cast(affine(best, 1, -LEAST), 'bool'), q.dtype as 'float32');
      }
    }
    const y = matmul(drop(softmax(scores, -1)), values);
    return reshape(alive ? mul(y, alive) : y, [...q.shape.slice(0, -1), D]);
  });
}

/** A score that no other comes near: a number of float32. */
const LEAST = -(2 ** 126);

/** A mask as numbers to add: true is 0, false -infinity. */
function additive(mask: Tensor, q: Tensor): Tensor {
  return mask.dtype === 'bool' ? log(cast(mask, q.dtype as 'float32')) : mask;
}

function causalMask(q: Tensor, L: number, S: number): Tensor {
  const values = new Float32Array(L * S);
  for (let i = 0; i < L; i++) values.fill(Number.NEGATIVE_INFINITY, i * S + Math.min(i + 1, S), (i + 1) * S);
  return fromData(values, [L, S], { dtype: q.dtype as 'float32', backend: q.backend });
}
