import { SGD } from '@octet/optim';
import { LearnableFakeQuantize, learnableFakeQuantize } from '@octet/quantization';
import { zerosLike } from '@octet/tensor';
import type { Handler } from '../golden-case';
import { quantizationOptions } from './names';
import { observers } from './observer';
import { Rows } from './record';

interface OpParams {
  axis: number | null;
  quant_min: number;
  quant_max: number;
  grad_factor: number;
}

export const learnableFakeQuantOp: Handler<OpParams> = (c) => {
  const { axis, quant_min, quant_max, grad_factor } = c.params;
  const x = c.tensor('x');
  const scale = c.tensor('scale');
  const zeroPoint = c.tensor('zero_point');
  for (const t of [x, scale, zeroPoint]) t.requiresGrad = true;
  const y = learnableFakeQuantize(x, scale, zeroPoint, {
    quantMin: quant_min,
    quantMax: quant_max,
    axis: axis ?? undefined,
    gradFactor: grad_factor,
  });
  y.backward(c.tensor('grad_out'));
  return { y, grad_x: x.grad!, grad_scale: scale.grad!, grad_zero_point: zeroPoint.grad! };
};

interface ModuleParams {
  observer: keyof typeof observers;
  kwargs: object;
  quant_min: number;
  quant_max: number;
  channel_len: number;
  use_grad_scaling: boolean;
  n_batches: number;
  /** The step from which scale and zero point are learned; before it they are estimated. */
  learn_from: number;
  lr: number;
}

export const learnableFakeQuantModule: Handler<ModuleParams> = async (c) => {
  const { observer, kwargs, quant_min, quant_max, channel_len, use_grad_scaling, n_batches, learn_from, lr } =
    c.params;
  const module = new LearnableFakeQuantize({
    observer: observers[observer],
    ...quantizationOptions(kwargs),
    quantMin: quant_min,
    quantMax: quant_max,
    channelLen: channel_len,
    useGradScaling: use_grad_scaling,
  }).enableStaticEstimate();
  const optimizer = new SGD(module.parameters(), { lr });
  const rows = new Rows();
  for (let step = 0; step < n_batches; step++) {
    if (step === learn_from) module.enableParamLearning();
    const x = c.tensor(`x${step}`);
    x.requiresGrad = true;
    optimizer.zeroGrad();
    const y = module.call(x);
    y.backward(c.tensor(`grad_out${step}`));
    const { scale, zeroPoint } = module;
    await rows.push({
      y,
      grad_x: x.grad!,
      grad_scale: scale.grad ?? zerosLike(scale),
      grad_zero_point: zeroPoint.grad ?? zerosLike(zeroPoint),
    });
    if (step >= learn_from) optimizer.step();
    await rows.push({ scale, zero_point: zeroPoint });
  }
  return rows.outputs();
};
