import { ArgumentError, type Backend, checkOptions } from '@octet/backend';
import type { AnyModule } from '@octet/nn';
import { moduleRules } from '@octet/quantization';
import { Tensor } from '@octet/tensor';
import { argumentsOf, type ModelInput, moved } from './inputs';
import { isWhole, leavesOf, typeName } from './layers';
import { record, run } from './record';

/** A layer's output on a backend against the first backend's. */
export interface LayerComparison {
  readonly path: string;
  readonly type: string;
  readonly dtype: string;
  /** Of the numbers (integers of a quantized tensor), how many are others. */
  readonly differing: number;
  readonly numel: number;
  /** The largest distance: of integers in steps, of floats as they are. */
  readonly maxDifference: number;
}

export interface BackendRun {
  readonly backend: string;
  /** Of each timed run, with waiting for the backend. */
  readonly ms: readonly number[];
  /** Empty for the first backend, which the others are compared with. */
  readonly layers: readonly LayerComparison[];
  /**
   * The path of the first layer with other integers, or with floats beyond the tolerance: the one to look at, since what
   * comes after works on its output. null: none.
   */
  readonly firstDifference: string | null;
}

export interface CompareBackendsOptions {
  /** Timed runs, after one to warm up; 3. */
  runs?: number;
  /** How far floats may be apart, as a part of the layer's largest; 1e-4. Integers must be the same. */
  tolerance?: number;
}

/**
 * Runs a model (int8 or float) on several backends and compares what every layer gives with the first one's, number by
 * number. The model stays where it is; copies move.
 *
 * @throws ArgumentError for less than one backend
 */
export async function compareBackends(
  model: AnyModule,
  input: ModelInput,
  backends: readonly Backend[],
  options?: CompareBackendsOptions,
): Promise<BackendRun[]> {
  const { runs = 3, tolerance = 1e-4 } = checkOptions('compareBackends', options, 'tolerance runs');
  if (backends.length === 0) {
    throw new ArgumentError({
      op: 'compareBackends',
      expected: 'backends',
      found: 'none',
      fix: 'Name the one to trust first: referenceBackend of @octet/backend-js-reference.',
    });
  }
  const results: BackendRun[] = [];
  let reference: Outputs | undefined;
  for (const backend of backends) {
    const copy = await model.clone().eval().toAsync(backend);
    const args = await moved([...argumentsOf(input)], backend);
    const outputs = await outputsOf(copy, args);
    const layers = reference ? compare(reference, outputs) : [];
    const different = layers.find(
      ({ path, dtype, differing, maxDifference }) =>
        differing > 0 && (isInteger(dtype) || !(maxDifference <= tolerance * largest(reference, path))),
    );
    results.push({
      backend: backend.name,
      ms: await time(copy, args, backend, runs),
      layers,
      firstDifference: different?.path ?? null,
    });
    reference ??= outputs;
  }
  return results;
}

type Outputs = Map<string, { type: string; dtype: string; values: ArrayLike<number> }>;

const isInteger = (dtype: string) => !dtype.startsWith('float');

function largest(outputs: Outputs | undefined, path: string): number {
  let most = 0;
  const values = outputs?.get(path)?.values ?? [];
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  return most;
}

/** What every layer gives, and the model itself under ''. */
async function outputsOf(model: AnyModule, input: readonly unknown[]): Promise<Outputs> {
  const leaves = leavesOf(model, (module) => isWhole(moduleRules('compareBackends'), module));
  const { calls, output } = record(model, leaves, input);
  const outputs: Outputs = new Map();
  const note = async (path: string, type: string, t: Tensor) =>
    outputs.set(path, { type, dtype: t.dtype, values: await t.data() });
  for (const [path, found] of calls) {
    const leaf = leaves.find(([at]) => at === path)?.[1];
    const type = leaf ? typeName(leaf) : '';
    for (const [i, { args, output: y }] of found.entries()) {
      const handedOn = args.some((arg) => arg instanceof Tensor && arg.storage === y.storage);
      if (!handedOn) await note(i === 0 ? path : `${path} (call ${i + 1})`, type, y);
    }
  }
  await note('', typeName(model), output);
  return outputs;
}

function compare(reference: Outputs, outputs: Outputs): LayerComparison[] {
  return [...outputs].map(([path, { type, dtype, values }]) => {
    const expected = reference.get(path)?.values ?? [];
    let differing = 0;
    let maxDifference = 0;
    for (let i = 0; i < values.length; i++) {
      if (values[i] === expected[i] || Object.is(values[i], expected[i])) continue;
      differing++;
      maxDifference = Math.max(maxDifference, Math.abs(values[i] - expected[i]));
    }
    return { path, type, dtype, differing, numel: values.length, maxDifference };
  });
}

// Everywhere, though not part of ECMAScript.
const { performance } = globalThis as unknown as { performance: { now(): number } };

async function time(
  model: AnyModule,
  input: readonly unknown[],
  backend: Backend,
  runs: number,
): Promise<number[]> {
  const ms: number[] = [];
  for (let i = -1; i < runs; i++) {
    const start = performance.now();
    run(model, input);
    await backend.sync?.();
    if (i >= 0) ms.push(performance.now() - start);
  }
  return ms;
}
