import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Tensor } from '@octet/tensor';

/** What is used of ONNX Runtime, whose packages have the same interface in Node and for the web. */
interface OnnxRuntime {
  readonly env: { readonly wasm: { numThreads?: number } };
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<Session>;
  };
  readonly Tensor: new (type: string, data: unknown, shape: readonly number[]) => unknown;
}

interface Session {
  run(feeds: Readonly<Record<string, unknown>>): Promise<unknown>;
  release(): Promise<void>;
}

/** Another engine's package, and what it imports; each is loaded from the project in which the command runs. */
const packages = {
  'onnxruntime-web': 'onnxruntime-web/wasm',
  'onnxruntime-node': 'onnxruntime-node',
} as const;

export type Engine = keyof typeof packages;

export const engines = Object.keys(packages) as readonly Engine[];

/** A model in another engine, on one thread. */
export interface Running {
  run(): Promise<unknown>;
  release(): Promise<void>;
}

/** @returns null if the engine isn't installed. @throws whatever the engine does with a model that it can't run */
export async function startEngine(
  engine: Engine,
  model: Uint8Array,
  names: readonly string[],
  inputs: readonly Tensor[],
): Promise<Running | null> {
  const runtime = await load(packages[engine]);
  if (!runtime) return null;
  if (engine === 'onnxruntime-web') runtime.env.wasm.numThreads = 1;
  const session = await runtime.InferenceSession.create(model, {
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
    ...(engine === 'onnxruntime-node' && { intraOpNumThreads: 1, interOpNumThreads: 1 }),
  });
  const feeds: Record<string, unknown> = {};
  for (const [i, name] of names.entries()) {
    const { dtype, shape } = inputs[i];
    feeds[name] = new runtime.Tensor(dtype, await inputs[i].data(), shape);
  }
  return { run: () => session.run(feeds), release: () => session.release() };
}

async function load(specifier: string): Promise<OnnxRuntime | null> {
  const { resolve } = createRequire(path.join(process.cwd(), 'package.json'));
  let file: string;
  try {
    file = resolve(specifier);
  } catch {
    return null;
  }
  const module = await import(pathToFileURL(file).href);
  return (module.InferenceSession ? module : module.default) as OnnxRuntime;
}
