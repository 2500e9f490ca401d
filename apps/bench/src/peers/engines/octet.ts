import type { Backend } from '@octet/backend';
import { parseSafetensors } from '@octet/formats';
import type { Module } from '@octet/nn';
import { noGrad, setBackend, type Tensor, tensor } from '@octet/tensor';
import type { Job, ReadFile, Session } from '../engine';
import { peerModels } from '../models';

/** The network on a backend, from its checkpoint. */
export async function startOctet(job: Job, backend: Backend, read: ReadFile): Promise<Session> {
  setBackend(backend);
  const { create, toInt8 } = peerModels[job.model];
  const model = job.dtype === 'int8' ? await toInt8(create(), job.qengine) : create();
  await model.loadStateDictAsync(parseSafetensors(await read(job.checkpoint)).toStateDict());
  const forward = forwardOf(model);
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

/** What is timed of Octet, from a tensor to a tensor. */
function forwardOf(model: Module): (x: Tensor) => Tensor {
  return (x) => noGrad(() => model.call(x) as Tensor);
}
