import { createWasmBackend } from '@octet/backend-wasm-simd';
import type { StartEngine } from '../engine';
import type { EngineName } from './index';
import { startLitert } from './litert';
import { startOctet } from './octet';
import { startOnnx } from './onnxruntime';
import { startTfjs } from './tfjs';

/** How engines start in a page. All of a page have the same number of threads. The server has each engine's own files under its name. */
export const pageEngines: Partial<Record<EngineName, StartEngine>> = {
  octet: async (job, read) => {
    backend ??= createWasmBackend({ threads: job.threads });
    return startOctet(job, await backend, read);
  },
  'octet-plan': async (job, read) => {
    backend ??= createWasmBackend({ threads: job.threads });
    return startOctet(job, await backend, read, { planned: true });
  },
  'litert.js': async (job, read) => {
    const litert = await import('@litertjs/core');
    const { version } = await import('@litertjs/core/package.json');
    loaded ??= litert.loadLiteRt('/engines/litert.js/', { threads: job.threads > 1 });
    await loaded;
    return startLitert(litert, version, job, read);
  },
  'onnxruntime-web': async (job, read) => {
    const ort = await import('onnxruntime-web/wasm');
    ort.env.wasm.wasmPaths = '/engines/onnxruntime-web/';
    ort.env.wasm.numThreads = job.threads;
    return startOnnx(ort, job, read, { executionProviders: ['wasm'] });
  },
  tfjs: async (job, read) => {
    // As scripts: what its workers run is the text of functions, which bundlers break.
    await addScript('/engines/tfjs-core/tf-core.min.js');
    await addScript('/engines/tfjs-backend-wasm/tf-backend-wasm.min.js');
    tf.wasm.setWasmPaths('/engines/tfjs-backend-wasm/');
    tf.wasm.setThreadsCount(job.threads);
    return startTfjs(tf, job, read);
  },
};

declare const tf: typeof import('@tensorflow/tfjs-core') & {
  wasm: typeof import('@tensorflow/tfjs-backend-wasm');
};

/** @throws Error if there is no such script */
function addScript(src: string): Promise<void> {
  const script = Object.assign(document.createElement('script'), { src });
  return new Promise((resolve, reject) => {
    script.onload = () => resolve();
    script.onerror = () => reject(new Error(`there is no ${src}`));
    document.head.append(script);
  });
}

let backend: ReturnType<typeof createWasmBackend> | undefined;
let loaded: Promise<unknown> | undefined;
