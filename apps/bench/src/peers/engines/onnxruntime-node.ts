import type { Engine } from '../engine';
import { startOnnx } from './onnxruntime';

/** ONNX Runtime as native code, for what the same machine can do outside of WebAssembly. */
export const onnxruntimeNode: Engine = {
  dtypes: ['float32', 'int8'],
  lacks: { webgpu: 'it is here for what the processor can do' },
  async start(job) {
    const ort = await import('onnxruntime-node');
    return startOnnx(ort, job, { intraOpNumThreads: job.threads, interOpNumThreads: 1 });
  },
};
