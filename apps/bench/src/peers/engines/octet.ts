import type { Backend } from '@octet/backend';
import { parseSafetensors } from '@octet/formats';
import { planOf } from '@octet/graph';
import type { Module } from '@octet/nn';
import { noGrad, setBackend, type Tensor, tensor, zeros } from '@octet/tensor';
import type { Job, ReadFile, Session } from '../engine';
import { peerModels } from '../models';

/** The network on a backend, from its checkpoint; run by calls, or by a plan. */
export async function startOctet(
  job: Job,
  backend: Backend,
  read: ReadFile,
  { planned = false } = {},
): Promise<Session> {
  setBackend(backend);
  const { create, toInt8 } = peerModels[job.model];
  const model = job.dtype === 'int8' ? await toInt8(create(), job.qengine) : create();
  await model.loadStateDictAsync(parseSafetensors(await read(job.checkpoint)).toStateDict());
  const forward = planned ? byPlan(model, job) : byCalls(model);
  const { variant, adapter } = backend.info?.() ?? {};
  return {
    version: String(variant ?? adapter),
    async run(data) {
      using x = tensor(data, job.input.shape);
      using y = forward(x);
      return (await y.data()) as Float32Array;
    },
  };
}

function byCalls(model: Module): (x: Tensor) => Tensor {
  return (x) => noGrad(() => model.call(x) as Tensor);
}

function byPlan(model: Module, { input }: Job): (x: Tensor) => Tensor {
  const plan = planOf(model.eval(), [zeros(input.shape)]);
  return (x) => plan.run(x) as Tensor;
}
