import { BatchNorm2d } from '@octet/nn';
import { grad, noGrad, type Tensor } from '@octet/tensor';
import type { Outputs } from '../compare';
import type { Handler } from '../golden-case';

interface BatchNormParams {
  channels: number;
  eps: number;
  momentum: number;
  training: boolean;
  n_batches: number;
}

/** Batches in sequence: output, gradients, and the running statistics after each. */
export const batchNorm2d: Handler<BatchNormParams> = async (c) => {
  const { channels, eps, momentum, training, n_batches } = c.params;
  const bn = new BatchNorm2d(channels, { eps, momentum }).train(training);
  const weight = noGrad(() => (bn.weight as Tensor).copy_(c.tensor('weight')));
  const bias = noGrad(() => (bn.bias as Tensor).copy_(c.tensor('bias')));
  const runningMean = (bn.runningMean as Tensor).copy_(c.tensor('running_mean'));
  const runningVar = (bn.runningVar as Tensor).copy_(c.tensor('running_var'));
  const outputs: Record<string, Outputs[string]> = {};
  for (let i = 0; i < n_batches; i++) {
    const x = c.tensor(`x${i}`);
    x.requiresGrad = true;
    const y = bn.forward(x);
    const grads = grad(y, [x, weight, bias], { gradOutputs: [c.tensor(`grad_out${i}`)] });
    outputs[`y${i}`] = y;
    for (const [j, name] of ['x', 'weight', 'bias'].entries())
      outputs[`grad_${name}${i}`] = grads[j] as Tensor;
    // Read now: the next batch moves them on.
    outputs[`running_mean${i}`] = await runningMean.data();
    outputs[`running_var${i}`] = await runningVar.data();
  }
  outputs.num_batches_tracked = await (bn.numBatchesTracked as Tensor).item();
  return outputs;
};
