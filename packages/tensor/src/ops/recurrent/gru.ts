import { op } from '../../autograd';
import { asOperand, contiguous, emptyOn, present, requireFloat, run } from '../../kernel';
import type { Tensor } from '../../tensor';
import { product, swapped } from '../product/matmul';
import { applySum } from '../reduce/sum';
import { cat } from '../shape/cat';
import { reshape } from '../shape/reshape';
import { slice } from '../shape/slice';
import { requireRecurrent } from './recurrent';

/**
 * One layer of GRU over all steps: x [T, N, 3·H], the inputs' share of the gates r, z, n; weight [3·H, H], h0 [N, H],
 * bias [3·H] → [T, N, H], all h. At each step
 *
 *     pr, pz, pn = h · weightᵀ + bias
 *     r = σ(xr + pr)
 *     z = σ(xz + pz)
 *     n = tanh(xn + r · pn)
 *     h = (1 - z) · n + z · h
 *
 * @throws ShapeError, also where T is 0; DTypeError
 */
export function gruLayer(x: Tensor, weight: Tensor, h0: Tensor, bias?: Tensor): Tensor {
  requireFloat('gruLayer', x, weight, h0, ...present(bias));
  const shape = gruShape('gruLayer', x, weight, h0, bias);
  const [T, N, H] = shape;
  return op('gruLayer', { x, weight, h0, bias }, (save, needs) => {
    const given = {
      x: contiguous(x),
      weight: contiguous(weight),
      bias: bias && contiguous(bias),
      h0: contiguous(h0),
    };
    const y = emptyOn(x, shape);
    const recording = Object.values(needs).some((needed) => needed);
    const gates = recording ? emptyOn(x, [T, N, 4 * H]) : undefined;
    run(
      'gru',
      { ...gruOperands(given), weight: asOperand(given.weight, weight.shape), bias: given.bias },
      { y: asOperand(y, shape), gates: gates && asOperand(gates, gates.shape) },
      {},
    );
    if (!gates) return [y];
    const [savedY, savedGates] = [save(y), save(gates)];
    const [savedWeight, savedH] = [save(given.weight), save(given.h0)];
    return [
      y,
      (grad) => {
        const wide = [T, N, 3 * H];
        const [gradX, gradHidden] = [emptyOn(savedGates, wide), emptyOn(savedGates, wide)];
        const gradH0 = emptyOn(savedGates, savedH.shape);
        run(
          'gruBackward',
          {
            weight: asOperand(savedWeight, savedWeight.shape),
            h0: asOperand(savedH, savedH.shape),
            y: asOperand(savedY, shape),
            gates: asOperand(savedGates, savedGates.shape),
            gradY: asOperand(contiguous(grad), shape),
          },
          {
            gradX: asOperand(gradX, wide),
            gradHidden: asOperand(gradHidden, wide),
            gradH0: asOperand(gradH0, savedH.shape),
          },
          {},
        );
        const flat = reshape(gradHidden, [T * N, 3 * H]);
        const before = () => cat([reshape(savedH, [1, N, H]), slice(savedY, 0, 0, T - 1)], 0);
        return [
          gradX,
          needs.weight ? product(swapped(flat), reshape(before(), [T * N, H])) : undefined,
          gradH0,
          needs.bias ? applySum(flat, [0], false) : undefined,
        ];
      },
    ];
  });
}

/** The output's shape; all checks but those of dtypes. Serves the int8 layer too. */
export function gruShape(
  op: string,
  x: Tensor,
  weight: Tensor,
  h0: Tensor,
  bias: Tensor | undefined,
): [T: number, N: number, H: number] {
  return requireRecurrent(op, 'r, z, n', x, weight, { h0 }, bias);
}

/** What the kernels of GRU take, of dense tensors. */
export function gruOperands({ x, h0 }: Readonly<Record<'x' | 'h0', Tensor>>) {
  return { x: asOperand(x, x.shape), h0: asOperand(h0, h0.shape) };
}
