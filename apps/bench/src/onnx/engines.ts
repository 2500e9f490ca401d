import { readFileSync } from 'node:fs';
import type * as Ort from 'onnxruntime-node';
import type { Named } from './samples';

/** A model in another engine. */
export interface Session {
  run(): Promise<unknown>;
  release(): Promise<void>;
}

/** How each is loaded, on one thread; one line each. */
const engines = {
  'onnxruntime-web': async () => {
    const ort = (await import('onnxruntime-web/wasm')) as unknown as typeof Ort;
    ort.env.wasm.numThreads = 1;
    return { ort, options: {} };
  },
  'onnxruntime-node': async () => ({
    ort: await import('onnxruntime-node'),
    options: { intraOpNumThreads: 1, interOpNumThreads: 1 },
  }),
} as const;

export type PeerEngine = keyof typeof engines;

export const peerEngines = Object.keys(engines) as readonly PeerEngine[];

/** An ONNX file in an engine, with inputs to run it on. @throws Error if the engine, or the file in it, can't be loaded */
export async function start(engine: PeerEngine, file: string | Uint8Array, inputs: Named): Promise<Session> {
  const { ort, options } = await engines[engine]();
  const bytes = typeof file === 'string' ? readFileSync(file) : file;
  const session = await ort.InferenceSession.create(bytes, {
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
    ...options,
  });
  const feeds: Record<string, Ort.Tensor> = {};
  for (const name of session.inputNames) {
    const { data, shape } = inputs[name];
    feeds[name] = new ort.Tensor(typeOf(data), data as never, shape);
  }
  return { run: () => session.run(feeds), release: () => session.release() };
}

function typeOf(data: Named[string]['data']): Ort.Tensor.Type {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof BigInt64Array) return 'int64';
  if (data instanceof Int32Array) return 'int32';
  return data instanceof Uint8Array ? 'uint8' : 'int8';
}
