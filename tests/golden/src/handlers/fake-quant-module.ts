import {
  FakeQuantize,
  type FakeQuantizeBase,
  FusedMovingAvgObsFakeQuantize,
  type MinMaxObserver,
} from '@octet/quantization';
import type { Handler } from '../golden-case';
import { type Events, runEvents } from './events';
import { quantizationOptions } from './names';
import { observers } from './observer';
import { Rows } from './record';

const modules = { FakeQuantize, FusedMovingAvgObsFakeQuantize };

interface FakeQuantModuleParams {
  module: keyof typeof modules;
  observer: keyof typeof observers;
  kwargs: object;
  n_batches: number;
  events: Events;
}

/** Training steps: output, gradient, the module's own scale and its observer's after each. */
export const fakeQuantModule: Handler<FakeQuantModuleParams> = async (c) => {
  const { kwargs, n_batches, events } = c.params;
  const module: FakeQuantizeBase = new modules[c.params.module]({
    observer: observers[c.params.observer],
    ...quantizationOptions(kwargs),
  });
  const rows = new Rows();
  for (let step = 0; step < n_batches; step++) {
    runEvents(events, step, module);
    const x = c.tensor(`x${step}`);
    x.requiresGrad = true;
    const y = module.call(x);
    y.backward(c.tensor(`grad_out${step}`));
    const { minVal, maxVal } = module.activationPostProcess as MinMaxObserver;
    const { scale, zeroPoint } = module.calculateQparams();
    await rows.push({
      y,
      grad_x: x.grad!,
      min_val: minVal,
      max_val: maxVal,
      scale: module.scale,
      zero_point: module.zeroPoint,
      observer_scale: scale,
      observer_zero_point: zeroPoint,
    });
  }
  return rows.outputs();
};
