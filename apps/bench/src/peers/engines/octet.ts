import { load } from '@octet/formats';
import { planOf } from '@octet/graph';
import { noGrad, setBackend, type Tensor, tensor, zeros } from '@octet/tensor';
import { loadBackend } from '../../backends';
import type { Engine } from '../engine';
import { peerModels } from '../models';

/** This library; `planned`: by a plan, or else by calls. */
function octetEngine(planned: boolean): Engine {
  return {
    dtypes: ['float32', 'int8'],
    async start({ model: name, dtype, qengine, platform, threads, input, checkpoint }) {
      const backend = await loadBackend(platform, { threads });
      setBackend(backend);
      const { create, toInt8 } = peerModels[name];
      const model = dtype === 'int8' ? await toInt8(create(), qengine) : create();
      await model.loadStateDictAsync(await load(checkpoint));
      const { variant, adapter } = backend.info?.() ?? {};
      const plan = planned ? planOf(model.eval(), [zeros(input.shape)]) : undefined;
      const call = (x: Tensor) => (plan ? plan.run(x) : noGrad(() => model.call(x)));
      return {
        version: String(variant ?? adapter),
        async run(data) {
          using x = tensor(data, input.shape);
          using y = call(x);
          return (await y.data()) as Float32Array;
        },
      };
    },
  };
}

export const octet = octetEngine(false);
export const octetPlan = octetEngine(true);
