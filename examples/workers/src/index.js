import { createWasmBackend } from '@octet/backend-wasm-simd';
// Workers may not compile wasm: they import it compiled.
import wasm from '@octet/backend-wasm-simd/simd.wasm';
import { setBackend } from '@octet/tensor';
import { makePlan, scores } from './model.js';

const backend = await createWasmBackend({ wasmModule: wasm });
setBackend(backend);
const plan = await makePlan();

export default {
  /** @param {Request} request */
  async fetch(request) {
    const seed = Number(new URL(request.url).searchParams.get('seed') ?? 1);
    const { variant, threads } = backend.info();
    return Response.json({ backend: backend.name, variant, threads, scores: await scores(plan, seed) });
  },
};
