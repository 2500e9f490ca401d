import { createRequire } from 'node:module';
import type * as Ort from 'onnxruntime-web/wasm';
import type { Engine } from '../engine';
import { startOnnx } from './onnxruntime';

/** ONNX Runtime in WebAssembly, or on WebGPU, where it computes int8 convolutions in float. */
export const onnxruntimeWeb: Engine = {
  dtypes: ['float32', 'int8'],
  async start(job) {
    if (job.platform === 'webgpu') await bringWebgpu();
    // In Node its ES module can't start threads: it fetches a file URL.
    const ort: typeof Ort = createRequire(import.meta.url)(`onnxruntime-web/${job.platform}`);
    ort.env.wasm.numThreads = job.threads;
    return startOnnx(ort, job, { executionProviders: [job.platform] });
  },
};

/** As in a browser. */
async function bringWebgpu(): Promise<void> {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  Object.defineProperty(navigator, 'gpu', { value: create([]) });
}
