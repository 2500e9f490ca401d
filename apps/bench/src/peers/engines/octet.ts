import { load } from '@octet/formats';
import { noGrad, setBackend, tensor } from '@octet/tensor';
import { loadBackend } from '../../backends';
import type { Engine } from '../engine';
import { peerModels } from '../models';

/** This library, on WebAssembly. */
export const octet: Engine = {
  dtypes: ['float32', 'int8'],
  async start({ model: name, dtype, qengine, threads, input, checkpoint }) {
    const backend = await loadBackend('wasm', { threads });
    setBackend(backend);
    const { create, toInt8 } = peerModels[name];
    const model = dtype === 'int8' ? await toInt8(create(), qengine) : create();
    await model.loadStateDictAsync(await load(checkpoint));
    return {
      version: String(backend.info?.().variant),
      run: async (x) => (await noGrad(() => model.call(tensor(x, input.shape))).data()) as Float32Array,
    };
  },
};
