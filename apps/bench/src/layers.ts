import { MissingKernelError } from '@octet/backend';
import { addCallHook, capture, type KernelCall, onlyMovesData, replay } from '@octet/graph';
import type { AnyModule, Measured } from '@octet/nn';
import { intrinsic } from '@octet/quantization';
import { noGrad, Tensor } from '@octet/tensor';
import { median, type TimeOptions, timeCalls, timeRuns } from './timing';

/** A kernel that a layer ran. */
export interface KernelUse {
  kernel: string;
  /** The backend whose kernel it is. */
  backend: string;
  /** Whether the layer's own backend lacks it. */
  fallback: boolean;
}

/** What one layer of a model did. */
export interface LayerRun {
  path: string;
  type: string;
  /** Multiplications of one call. */
  macs: number;
  /** Of each run, without the layers inside it. */
  ms: number[];
  kernels: KernelUse[];
}

/** One layer in float and in int8. */
export interface Layer {
  path: string;
  /** Of its int8 form, if it has one. */
  type: string;
  macs: number;
  fp32: Side | null;
  int8: Side | null;
  /** How many times faster int8 is. */
  ratio: number | null;
}

export interface Side {
  medianMs: number;
  kernels: KernelUse[];
}

export type LayerOptions = Pick<TimeOptions, 'runs' | 'backend' | 'signal'>;

/**
 * Runs a model several times; says how long each of its layers took and which kernels it used, in the order of the first
 * calls. A fused layer counts as one. Layers that ran no kernel are left out. On a backend that only takes kernels into a
 * queue the model runs once, and then the kernels of each layer by themselves, until they are done. @throws Interrupted
 */
export async function measureLayers(
  model: AnyModule,
  x: Tensor | readonly Tensor[],
  { runs, backend, signal }: LayerOptions,
): Promise<LayerRun[]> {
  const modules = new Map(layersOf(model).map(([path, module]): [object, string] => [module, path]));
  const found = new Map<object, LayerRun & { readonly calls: KernelCall[] }>();
  const recording = capture(model, ...[x].flat());
  try {
    for (const { module, method, args, output } of recording.calls) {
      const path = method === 'forward' ? modules.get(module) : undefined;
      if (path === undefined) continue;
      const layer = found.get(module) ?? {
        path,
        type: module.constructor.name,
        macs: 0,
        ms: [],
        kernels: [],
        calls: [],
      };
      layer.macs = macsOf(module as AnyModule, args[0], output);
      found.set(module, layer);
    }
    for (const kernel of recording.kernels) {
      let { call } = kernel;
      while (call && !(call.method === 'forward' && found.has(call.module))) call = call.parent;
      const layer = call && found.get(call.module);
      if (!layer) continue;
      layer.calls.push(kernel);
      const { kernel: name, ranOn, backend: own } = kernel;
      if (onlyMovesData(name) || layer.kernels.some((known) => known.kernel === name)) continue;
      layer.kernels.push({ kernel: name, backend: ranOn.name, fallback: ranOn !== own });
    }
    const layers = [...found.values()].filter(({ kernels }) => kernels.length > 0);
    if (backend.sync) {
      for (const layer of layers) {
        const again = () => layer.calls.forEach(replay);
        layer.ms = await timeCalls(again, { runs, backend, warmup: 0, signal });
      }
    } else {
      recording.release();
      await timeModules(model, x, { runs, backend, signal }, (module, ms) => found.get(module)?.ms.push(ms));
      // The first runs were to warm up.
      for (const layer of layers) layer.ms = layer.ms.slice(-runs);
    }
    return layers.map(({ calls: _, ...layer }) => layer);
  } finally {
    recording.release();
  }
}

/** Runs a model; `note` is told the milliseconds of each call of a layer, without the layers inside it. */
async function timeModules(
  model: AnyModule,
  x: Tensor | readonly Tensor[],
  options: LayerOptions,
  note: (module: object, ms: number) => void,
): Promise<void> {
  const layers = new Set<object>(layersOf(model).map(([, module]) => module));
  let inside = 0;
  const remove = addCallHook(({ module, method }, run) => {
    if (!(method === 'forward' && layers.has(module))) {
      run();
      return;
    }
    const before = inside;
    inside = 0;
    const start = performance.now();
    run();
    const elapsed = performance.now() - start;
    note(module, elapsed - inside);
    inside = before + elapsed;
  });
  try {
    await timeRuns(() => noGrad(() => model.call(...[x].flat())), { ...options, warmup: 2 });
  } finally {
    remove();
  }
}

/**
 * Why a backend can't run a network in float, if so: it lacks a kernel, as one of the profile `inference-int8` alone.
 * @throws what else the call throws
 */
export function lackingFloat(network: AnyModule, x: Tensor | readonly Tensor[]): string | undefined {
  try {
    noGrad(() => network.call(...[x].flat()));
    return undefined;
  } catch (error) {
    if (error instanceof MissingKernelError) return `it has no kernel '${error.op}'`;
    throw error;
  }
}

/** The layers of both networks side by side; those of the same path are one. */
export function joined(fp32: readonly LayerRun[], int8: readonly LayerRun[]): Layer[] {
  const side = (run: LayerRun | undefined) =>
    run ? { medianMs: median(run.ms), kernels: run.kernels } : null;
  const only = fp32.filter(({ path }) => !int8.some((run) => run.path === path));
  return [...int8, ...only].map((run) => {
    const { path, type, macs } = run;
    const sides = {
      fp32: side(fp32.find((r) => r.path === path)),
      int8: side(int8.find((r) => r.path === path)),
    };
    const ratio = sides.fp32 && sides.int8 ? sides.fp32.medianMs / sides.int8.medianMs : null;
    return { path, type, macs, ...sides, ratio };
  });
}

/** The modules under the model, but for the parts of fused layers. */
export function layersOf(model: AnyModule, at = ''): [path: string, module: AnyModule][] {
  return model.namedChildren().flatMap(([name, child]) => {
    const path = at === '' ? name : `${at}.${name}`;
    const inside = child instanceof intrinsic.FusedModule ? [] : layersOf(child, path);
    return [[path, child] as [string, AnyModule], ...inside];
  });
}

function macsOf(module: AnyModule, input: unknown, output: unknown): number {
  if (!(input instanceof Tensor && output instanceof Tensor)) return 0;
  const parts: (AnyModule & Measured)[] =
    module instanceof intrinsic.FusedModule ? module.children() : [module];
  return parts.reduce((sum, part) => sum + (part.macs?.(input.shape, output.shape) ?? 0), 0);
}
