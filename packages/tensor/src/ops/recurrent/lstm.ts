import { op } from '../../autograd';
import { asOperand, contiguous, emptyOn, present, requireFloat, run } from '../../kernel';
import type { Tensor } from '../../tensor';
import { product, swapped } from '../product/matmul';
import { applySum } from '../reduce/sum';
import { cat } from '../shape/cat';
import { reshape } from '../shape/reshape';
import { select } from '../shape/select';
import { slice } from '../shape/slice';
import { requireRecurrent } from './recurrent';

/**
 * One layer of LSTM over all steps: x [T, N, 4·H], the inputs' share of the gates i, f, g, o; weight [4·H, H], h0 and c0
 * [N, H], bias [4·H] → [2, T, N, H], all h and all c. At each step
 *
 *     i, f, g, o = x + h · weightᵀ + bias
 *     c = σ(f) · c + σ(i) · tanh(g)
 *     h = σ(o) · tanh(c)
 *
 * @throws ShapeError, also where T is 0; DTypeError
 */
export function lstmLayer(x: Tensor, weight: Tensor, h0: Tensor, c0: Tensor, bias?: Tensor): Tensor {
  requireFloat('lstmLayer', x, weight, h0, c0, ...present(bias));
  const shape = lstmShape('lstmLayer', x, weight, h0, c0, bias);
  return op('lstmLayer', { x, weight, h0, c0, bias }, (save, needs) => {
    const given = {
      x: contiguous(x),
      weight: contiguous(weight),
      bias: bias && contiguous(bias),
      h0: contiguous(h0),
      c0: contiguous(c0),
    };
    const y = emptyOn(x, shape);
    const recording = Object.values(needs).some((needed) => needed);
    const gates = recording ? emptyOn(x, x.shape) : undefined;
    run(
      'lstm',
      { ...lstmOperands(given), weight: asOperand(given.weight, weight.shape), bias: given.bias },
      { y: asOperand(y, shape), gates: gates && asOperand(gates, x.shape) },
      {},
    );
    if (!gates) return [y];
    const [savedY, savedGates, savedWeight] = [save(y), save(gates), save(given.weight)];
    const [savedH, savedC] = [save(given.h0), save(given.c0)];
    return [
      y,
      (grad) => {
        const gradX = emptyOn(savedGates, savedGates.shape);
        const [gradH0, gradC0] = [emptyOn(savedGates, savedH.shape), emptyOn(savedGates, savedC.shape)];
        run(
          'lstmBackward',
          {
            weight: asOperand(savedWeight, savedWeight.shape),
            c0: asOperand(savedC, savedC.shape),
            y: asOperand(savedY, shape),
            gates: asOperand(savedGates, savedGates.shape),
            gradY: asOperand(contiguous(grad), shape),
          },
          {
            gradX: asOperand(gradX, savedGates.shape),
            gradH0: asOperand(gradH0, savedH.shape),
            gradC0: asOperand(gradC0, savedC.shape),
          },
          {},
        );
        const [, T, N, H] = shape;
        const flat = reshape(gradX, [T * N, 4 * H]);
        const before = () => cat([reshape(savedH, [1, N, H]), slice(select(savedY, 0, 0), 0, 0, T - 1)], 0);
        return [
          gradX,
          needs.weight ? product(swapped(flat), reshape(before(), [T * N, H])) : undefined,
          gradH0,
          gradC0,
          needs.bias ? applySum(flat, [0], false) : undefined,
        ];
      },
    ];
  });
}

/** The output's shape; all checks but those of dtypes. Serves the int8 layer too. */
export function lstmShape(
  op: string,
  x: Tensor,
  weight: Tensor,
  h0: Tensor,
  c0: Tensor,
  bias: Tensor | undefined,
): number[] {
  return [2, ...requireRecurrent(op, 'i, f, g, o', x, weight, { h0, c0 }, bias)];
}

/** What the kernels of LSTM take, of dense tensors. */
export function lstmOperands({ x, h0, c0 }: Readonly<Record<'x' | 'h0' | 'c0', Tensor>>) {
  return { x: asOperand(x, x.shape), h0: asOperand(h0, h0.shape), c0: asOperand(c0, c0.shape) };
}
