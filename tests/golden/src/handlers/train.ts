import type { Module } from '@octet/nn';
import { SGD } from '@octet/optim';
import { mseLoss } from '@octet/tensor';
import type { Output } from '../compare';
import type { GoldenCase } from '../golden-case';
import { type Events, runEvents } from './events';
import { torchPath } from './int8-model';
import { snapshot, snapshots } from './record';

export interface TrainingParams {
  steps: number;
  lr: number;
  events?: Events;
}

/** SGD on the mean squared error: losses, and output, gradients and, after it, the state of each step. */
export async function train(c: GoldenCase<TrainingParams>, model: Module): Promise<Record<string, Output>> {
  const { steps, lr, events = {} } = c.params;
  const out: Record<string, Output> = {};
  const losses: number[] = [];
  const optimizer = new SGD(model.parameters(), { lr });
  for (let step = 0; step < steps; step++) {
    runEvents(events, step, model);
    optimizer.zeroGrad();
    const y = model.call(c.tensor(`x${step}`));
    const loss = mseLoss(y, c.tensor(`target${step}`));
    loss.backward();
    losses.push(await loss.item());
    out[`step${step}.y`] = await snapshot(y);
    for (const [path, parameter] of model.namedParameters()) {
      if (parameter.grad) out[`step${step}.grad.${torchPath(path)}`] = await snapshot(parameter.grad);
    }
    optimizer.step();
    Object.assign(out, await snapshots(`step${step}.state.`, model.stateDict()));
  }
  return { ...out, loss: losses };
}
