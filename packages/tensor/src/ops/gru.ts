import { freeHelper, record, willRecord } from '../autograd';
import { as, dense, emptyOn, freeCopy, present, requireFloat, run } from '../kernel';
import type { Tensor } from '../tensor';
import { cat } from './cat';
import { product, swapped } from './matmul';
import { requireRecurrent } from './recurrent';
import { reshape } from './reshape';
import { slice } from './slice';
import { applySum } from './sum';

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
  const given = { x: dense(x), weight: dense(weight), bias: bias && dense(bias), h0: dense(h0) };
  const y = emptyOn(x, shape);
  const gates = willRecord(x, weight, bias, h0) ? emptyOn(x, [T, N, 4 * H]) : undefined;
  run(
    'gru',
    { ...gruOperands(given), weight: as(given.weight, weight.shape), bias: given.bias },
    { y: as(y, shape), gates: gates && as(gates, gates.shape) },
    {},
  );
  freeCopy(given.x, x);
  freeCopy(given.bias, bias);
  if (!gates) {
    freeCopy(given.weight, weight);
    freeCopy(given.h0, h0);
    return y;
  }
  const [savedY, savedWeight, savedH] = [y, given.weight, given.h0].map((t) => t.detach());
  const out = record('gruLayer', y, { x, weight, h0, bias }, (grad, needs) => {
    const [gradX, gradHidden] = [emptyOn(gates, x.shape), emptyOn(gates, x.shape)];
    const gradH0 = emptyOn(gates, savedH.shape);
    run(
      'gruBackward',
      {
        weight: as(savedWeight, savedWeight.shape),
        h0: as(savedH, savedH.shape),
        y: as(savedY, shape),
        gates: as(gates, gates.shape),
        gradY: as(dense(grad), shape),
      },
      {
        gradX: as(gradX, x.shape),
        gradHidden: as(gradHidden, x.shape),
        gradH0: as(gradH0, savedH.shape),
      },
      {},
    );
    const flat = reshape(gradHidden, [T * N, 3 * H]);
    const before = () => cat([savedH.reshape([1, N, H]), slice(savedY, 0, 0, T - 1)], 0);
    return [
      gradX,
      needs[1] ? product(swapped(flat), reshape(before(), [T * N, H])) : undefined,
      gradH0,
      needs[3] ? applySum(flat, [0], false) : undefined,
    ];
  });
  freeHelper(gates, out);
  freeHelper(given.weight, out, weight);
  freeHelper(given.h0, out, h0);
  return out;
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
  return { x: as(x, x.shape), h0: as(h0, h0.shape) };
}
