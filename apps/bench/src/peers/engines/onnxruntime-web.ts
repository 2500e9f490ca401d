import { createRequire } from 'node:module';
import type * as Ort from 'onnxruntime-web/wasm';
import type { Engine } from '../engine';
import { startOnnx } from './onnxruntime';

/** ONNX Runtime in WebAssembly. */
export const onnxruntimeWeb: Engine = {
  dtypes: ['float32', 'int8'],
  async start(job) {
    // In Node its ES module can't start threads: it fetches a file URL.
    const ort: typeof Ort = createRequire(import.meta.url)('onnxruntime-web/wasm');
    ort.env.wasm.numThreads = job.threads;
    return startOnnx(ort, job, { executionProviders: ['wasm'] });
  },
};
