import { InstanceNorm2d } from '@octet/nn';
import { noGrad, type Tensor } from '@octet/tensor';
import type { Outputs } from '../compare';
import type { Handler } from '../golden-case';

/** Batches in sequence: output and the running statistics after each; then evaluation of the last. */
export const instanceNorm2d: Handler<{ momentum: number; steps: number }> = async (c) => {
  const { momentum, steps } = c.params;
  const layer = new InstanceNorm2d(3, { affine: true, trackRunningStats: true, momentum });
  layer.loadStateDict(c.tensors('state.'));
  const outputs: Record<string, Outputs[string]> = {};
  for (let i = 0; i < steps; i++) {
    outputs[`y${i}`] = noGrad(() => layer.call(c.tensor(`x${i}`)));
    outputs[`running_mean${i}`] = await (layer.runningMean as Tensor).data();
    outputs[`running_var${i}`] = await (layer.runningVar as Tensor).data();
  }
  outputs.eval = noGrad(() => layer.eval().call(c.tensor(`x${steps - 1}`)));
  return outputs;
};
