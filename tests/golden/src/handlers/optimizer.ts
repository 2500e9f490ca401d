import { Parameter, stateKey } from '@octet/nn';
import { Adam, AdamW, SGD } from '@octet/optim';
import type { Tensor } from '@octet/tensor';
import type { Handler } from '../golden-case';
import { camelCase } from './names';

const optimizers = { SGD, Adam, AdamW };

/** Steps with the given gradients: the parameters after each, and the optimizer's state after the last. */
export const optimizer: Handler<{ optimizer: keyof typeof optimizers; kwargs: object; steps: number }> = (
  c,
) => {
  const params: Parameter[] = [];
  while (c.has(`param${params.length}`)) params.push(new Parameter(c.tensor(`param${params.length}`)));
  const optimizer = new optimizers[c.params.optimizer](params, camelCase(c.params.kwargs) as { lr: number });

  const out: Record<string, Tensor | ArrayLike<number>> = {};
  for (let step = 0; step < c.params.steps; step++) {
    for (const [i, param] of params.entries()) param.grad = c.tensor(`grad_param${i}_step${step}`);
    optimizer.step();
    for (const [i, param] of params.entries()) out[`param${i}_step${step}`] = param.dataSync();
  }
  for (const [i, state] of Object.entries(optimizer.stateDict().state)) {
    for (const [name, value] of Object.entries(state)) {
      if (typeof value !== 'number') out[`state_param${i}_${stateKey(name)}`] = value;
    }
  }
  return out;
};
