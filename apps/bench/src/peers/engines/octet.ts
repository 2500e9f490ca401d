import { load } from '@octet/formats';
import { noGrad, setBackend, tensor } from '@octet/tensor';
import { loadBackend } from '../../backends';
import type { Engine } from '../engine';
import { peerModels } from '../models';

/** This library. */
export const octet: Engine = {
  dtypes: ['float32', 'int8'],
  async start({ model: name, dtype, qengine, platform, threads, input, checkpoint }) {
    const backend = await loadBackend(platform, { threads });
    setBackend(backend);
    const { create, toInt8 } = peerModels[name];
    const model = dtype === 'int8' ? await toInt8(create(), qengine) : create();
    await model.loadStateDictAsync(await load(checkpoint));
    const { variant, adapter } = backend.info?.() ?? {};
    return {
      version: String(variant ?? adapter),
      async run(data) {
        using x = tensor(data, input.shape);
        using y = noGrad(() => model.call(x));
        return (await y.data()) as Float32Array;
      },
    };
  },
};
