import type { Engine } from '../engine';

const onlyInPages = 'it runs in pages alone: --platform browser';

/** One line an engine; how each starts is in `node.ts` and, for those that run in pages, `page.ts`. */
export const engines = {
  /** This library, by calls. */
  octet: { dtypes: ['float32', 'int8'] },
  /** This library, by a plan. */
  'octet-plan': { dtypes: ['float32', 'int8'] },
  /** Google's LiteRT in WebAssembly. It takes only files of its own. */
  'litert.js': {
    dtypes: ['float32', 'int8'],
    lacks: { wasm: onlyInPages, webgpu: onlyInPages },
    otherWeights: true,
  },
  /** ONNX Runtime in WebAssembly, or on WebGPU, where it computes int8 convolutions in float. */
  'onnxruntime-web': { dtypes: ['float32', 'int8'] },
  /** TensorFlow.js on WebAssembly. It has no int8 there. */
  tfjs: {
    dtypes: ['float32'],
    lacks: { webgpu: 'it has no WebGPU in Node' },
    oneThread: { wasm: 'it takes one thread in Node' },
  },
  /** ONNX Runtime as native code, for what the same machine can do outside of WebAssembly. */
  'onnxruntime-node': {
    dtypes: ['float32', 'int8'],
    lacks: { webgpu: 'it is here for what the processor can do', browser: 'it is native code, for Node' },
  },
} as const satisfies Record<string, Engine>;

export type EngineName = keyof typeof engines;

export const engineNames = Object.keys(engines) as EngineName[];
