import { fakeQuantize as fakeQuantizeOp } from '@octet/quantization';
import { tensor } from '@octet/tensor';
import type { Handler } from '../golden-case';

interface FakeQuantizeParams {
  axis: number | null;
  /** Where axis is null; else there are the inputs `scales` and `zero_points`. */
  scale?: number;
  zero_point?: number;
  quant_min: number;
  quant_max: number;
}

export const fakeQuantize: Handler<FakeQuantizeParams> = (c) => {
  const { axis, scale, zero_point, quant_min, quant_max } = c.params;
  const scales = scale === undefined ? c.tensor('scales') : tensor([scale]);
  const zeroPoints =
    zero_point === undefined ? c.tensor('zero_points') : tensor([zero_point], { dtype: 'int32' });
  const x = c.tensor('x');
  x.requiresGrad = true;
  const y = fakeQuantizeOp(x, scales, zeroPoints, {
    quantMin: quant_min,
    quantMax: quant_max,
    axis: axis ?? undefined,
  });
  y.backward(c.tensor('grad_out'));
  return { y, grad_x: x.grad! };
};
