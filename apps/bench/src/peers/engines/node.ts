import { createRequire } from 'node:module';
import type * as Ort from 'onnxruntime-web/wasm';
import { loadBackend } from '../../backends';
import type { StartEngine } from '../engine';
import type { EngineName } from './index';
import { startOctet } from './octet';
import { startOnnx } from './onnxruntime';
import { startTfjs } from './tfjs';

/** How engines start in Node. */
export const nodeEngines: Partial<Record<EngineName, StartEngine>> = {
  octet: async (job, read) =>
    startOctet(job, await loadBackend(job.platform, { threads: job.threads }), read),
  'octet-plan': async (job, read) =>
    startOctet(job, await loadBackend(job.platform, { threads: job.threads }), read, { planned: true }),
  'onnxruntime-web': async (job, read) => {
    if (job.platform === 'webgpu') await bringWebgpu();
    // In Node its ES module can't start threads: it fetches a file URL.
    const ort: typeof Ort = createRequire(import.meta.url)(`onnxruntime-web/${job.platform}`);
    ort.env.wasm.numThreads = job.threads;
    return startOnnx(ort, job, read, { executionProviders: [job.platform] });
  },
  tfjs: async (job, read) => {
    const tf = await import('@tensorflow/tfjs-core');
    await import('@tensorflow/tfjs-backend-wasm');
    return startTfjs(tf, job, read);
  },
  'onnxruntime-node': async (job, read) =>
    startOnnx(await import('onnxruntime-node'), job, read, {
      intraOpNumThreads: job.threads,
      interOpNumThreads: 1,
    }),
};

/** As in a browser. */
async function bringWebgpu(): Promise<void> {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  Object.defineProperty(navigator, 'gpu', { value: create([]) });
}
