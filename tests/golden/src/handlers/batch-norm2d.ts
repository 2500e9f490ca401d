import { batchNorm, grad, type Tensor } from '@octet/tensor';
import type { Outputs } from '../compare';
import type { Handler } from '../golden-case';

interface BatchNormParams {
  eps: number;
  momentum: number;
  training: boolean;
  n_batches: number;
}

/** Batches in sequence: output, gradients, and the running statistics after each. */
export const batchNorm2d: Handler<BatchNormParams> = async (c) => {
  const { eps, momentum, training, n_batches } = c.params;
  const runningMean = c.tensor('running_mean');
  const runningVar = c.tensor('running_var');
  const outputs: Record<string, Outputs[string]> = {};
  for (let i = 0; i < n_batches; i++) {
    const wanted = { x: c.tensor(`x${i}`), weight: c.tensor('weight'), bias: c.tensor('bias') };
    for (const t of Object.values(wanted)) t.requiresGrad = true;
    const { x, weight, bias } = wanted;
    const y = batchNorm(x, { runningMean, runningVar, weight, bias, training, momentum, eps });
    outputs[`y${i}`] = y;
    const grads = grad(y, [x, weight, bias], { gradOutputs: [c.tensor(`grad_out${i}`)] });
    Object.keys(wanted).forEach((name, j) => {
      outputs[`grad_${name}${i}`] = grads[j] as Tensor;
    });
    // Read now: the next batch moves them on.
    outputs[`running_mean${i}`] = await runningMean.data();
    outputs[`running_var${i}`] = await runningVar.data();
  }
  outputs.num_batches_tracked = training ? n_batches : 0;
  return outputs;
};
