import { checkOptions, ShapeError } from '@octet/backend';
import { op } from '../../autograd';
import { present, requireFloat } from '../../kernel';
import { broadcastShapes, formatShape, sameShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { logSigmoid } from '../elementwise/activations';
import { add } from '../elementwise/add';
import { affine } from '../elementwise/affine';
import { clamp } from '../elementwise/clamp';
import { div } from '../elementwise/div';
import { log } from '../elementwise/log';
import { mul } from '../elementwise/mul';
import { neg } from '../elementwise/neg';
import { sub } from '../elementwise/sub';
import { type LossOptions, requireSameShape } from './mse-loss';
import { type Reduction, requireReduction } from './nll-loss';
import { reduced } from './reduced';

export interface BinaryCrossEntropyOptions extends LossOptions {
  /** A factor for each loss; broadcast to the input's shape. */
  weight?: Tensor | undefined;
}

export interface BinaryCrossEntropyWithLogitsOptions extends BinaryCrossEntropyOptions {
  /** A factor for the losses of positive targets; broadcast to the input's shape, as [C] of [N, C]. */
  posWeight?: Tensor | undefined;
}

/**
 * -weight · (target · ln(input) + (1 - target) · ln(1 - input)), reduced; input (probabilities, 0 … 1) and target of one shape. Logarithms are
 * at least -100, as PyTorch's; inputs outside of 0 … 1 give NaN.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function binaryCrossEntropy(
  input: Tensor,
  target: Tensor,
  options: BinaryCrossEntropyOptions = {},
): Tensor {
  const name = 'binaryCrossEntropy';
  const { weight, reduction = 'mean' } = checkOptions(name, options, 'weight reduction');
  check(name, reduction, input, target, { weight });
  return tidy(() => {
    const losses = op(name, { input, target }, (save, needs) => {
      const logs = [log(input.detach()), log(affine(input.detach(), -1, 1))];
      const [one, zero] = logs.map((t) => clamp(t, -100));
      const t = target.detach();
      const y = neg(add(mul(t, one), mul(affine(t, -1, 1), zero)));
      const [savedInput, savedTarget] = [save(input.detach(), needs.input), save(t, needs.input)];
      const slope = needs.target ? save(sub(zero, one)) : undefined;
      return [
        y,
        (grad) => {
          const gradOf = (x: Tensor, aim: Tensor) =>
            mul(grad, div(sub(x, aim), clamp(mul(x, affine(x, -1, 1)), 1e-12)));
          return [savedInput && savedTarget && gradOf(savedInput, savedTarget), slope && mul(grad, slope)];
        },
      ];
    });
    return reduced(weight ? mul(losses, weight) : losses, reduction);
  });
}

/**
 * `binaryCrossEntropy` of sigmoid(input), without its loss of digits: weight · ((1 - target) · input - (1 + (posWeight - 1) · target) ·
 * logSigmoid(input)), reduced; input and target of one shape.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function binaryCrossEntropyWithLogits(
  input: Tensor,
  target: Tensor,
  options: BinaryCrossEntropyWithLogitsOptions = {},
): Tensor {
  const name = 'binaryCrossEntropyWithLogits';
  const { weight, posWeight, reduction = 'mean' } = checkOptions(name, options, 'weight posWeight reduction');
  check(name, reduction, input, target, { weight, posWeight });
  return tidy(() => {
    const negative = mul(affine(target, -1, 1), input);
    const logs = logSigmoid(input);
    const positive = posWeight ? mul(affine(mul(affine(posWeight, 1, -1), target), 1, 1), logs) : logs;
    const losses = sub(negative, positive);
    return reduced(weight ? mul(losses, weight) : losses, reduction);
  });
}

function check(
  op: string,
  reduction: Reduction,
  input: Tensor,
  target: Tensor,
  factors: Readonly<Record<string, Tensor | undefined>>,
): void {
  requireReduction(op, reduction);
  requireFloat(op, input, target, ...present(...Object.values(factors)));
  requireSameShape(op, input, target);
  for (const [name, factor] of Object.entries(factors)) {
    if (!factor || sameShape(broadcastShapes(op, input.shape, factor.shape), input.shape)) continue;
    throw new ShapeError({
      op,
      expected: `${name} that broadcasts to ${formatShape(input.shape)}`,
      found: formatShape(factor.shape),
      fix: 'It has as many dims as the input at most.',
    });
  }
}
