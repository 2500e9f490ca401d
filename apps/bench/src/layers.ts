import { addDispatchHook, MissingKernelError } from '@octet/backend';
import type { AnyModule, HookHandle, Measured, Module } from '@octet/nn';
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

/** Kernels that only move data say nothing about a layer. */
const movers: readonly string[] = ['copyStrided', 'fill', 'cast'];

/**
 * Runs a model several times; says how long each of its layers took and which kernels it used, in the order of the first
 * calls. A fused layer counts as one. Layers that ran no kernel are left out. On a backend that only takes kernels into a
 * queue the model runs once, and then the kernels of each layer by themselves, until they are done. @throws Interrupted
 */
export async function measureLayers(
  model: Module,
  x: Tensor,
  { runs, backend, signal }: LayerOptions,
): Promise<LayerRun[]> {
  const found = new Map<AnyModule, LayerRun>();
  const calls = new Map<LayerRun, (() => void)[]>();
  const running: { layer: LayerRun; start: number; inside: number }[] = [];
  const handles = layersOf(model).flatMap(([path, module]): HookHandle[] => {
    const layer: LayerRun = { path, type: module.constructor.name, macs: 0, ms: [], kernels: [] };
    const before = module.registerForwardPreHook(() => {
      found.set(module, layer);
      running.push({ layer, start: performance.now(), inside: 0 });
    });
    const after = module.registerForwardHook((_, args, output) => {
      const call = running.pop();
      if (!call) return;
      const elapsed = performance.now() - call.start;
      layer.ms.push(elapsed - call.inside);
      layer.macs = macsOf(module, args[0], output);
      const parent = running.at(-1);
      if (parent) parent.inside += elapsed;
    });
    return [before, after];
  });
  const removeHook = addDispatchHook((event, run) => {
    const layer = running.at(-1)?.layer;
    if (layer && !movers.includes(event.kernel)) {
      const use = {
        kernel: event.kernel,
        backend: event.ranOn.name,
        fallback: event.ranOn !== event.backend,
      };
      if (!layer.kernels.some((known) => known.kernel === use.kernel)) layer.kernels.push(use);
    }
    if (layer && backend.sync) calls.set(layer, [...(calls.get(layer) ?? []), run]);
    run();
  });
  const call = () => noGrad(() => model.call(x));
  const freed: unknown[] = [];
  const { free } = backend;
  try {
    if (backend.sync) {
      // The kernels will run again.
      backend.free = (buffer) => freed.push(buffer);
      call();
    } else await timeRuns(call, { runs, backend, warmup: 2, signal });
  } finally {
    removeHook();
    for (const handle of handles) handle.remove();
    backend.free = free;
  }
  const layers = [...found.values()].filter(({ kernels }) => kernels.length > 0);
  try {
    for (const layer of layers) {
      // The first runs were to warm up.
      layer.ms = backend.sync
        ? await timeCalls(
            () => {
              for (const kernel of calls.get(layer) ?? []) kernel();
            },
            { runs, backend, warmup: 0, signal },
          )
        : layer.ms.slice(-runs);
    }
  } finally {
    for (const buffer of freed) backend.free(buffer);
  }
  return layers;
}

/**
 * Why a backend can't run a network in float, if so: it lacks a kernel, as one of the profile `inference-int8` alone.
 * @throws what else the call throws
 */
export function lackingFloat(network: Module, x: Tensor): string | undefined {
  try {
    noGrad(() => network.call(x));
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
