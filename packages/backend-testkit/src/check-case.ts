import {
  type Backend,
  bytesPerElement,
  dispatch,
  hostArray,
  isFloatDType,
  type KernelName,
  type KernelTensor,
  PrepackCache,
  type StorageDType,
  type TypedArray,
} from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import type { CaseOutput, CaseTensor, KernelCase } from '@octet/backend-js-reference/cases';
import { ConformanceError, firstDifference, showAttrs } from './compare';

type Arrays = Record<string, TypedArray>;

/** How one of the repeated runs of a case differs from the others. */
interface Run {
  name: string;
  /** Elements that every buffer has beyond its shape. */
  spare: number;
  /** What output integers hold before: two runs with different ones catch any that a kernel leaves. */
  garbage: number;
  cache?: PrepackCache;
}

const inputsOf = (c: KernelCase) => c.inputs as Record<string, CaseTensor | undefined>;
const outputsOf = (c: KernelCase) => c.outputs as Record<string, CaseOutput | undefined>;

function count(shape: readonly number[]): number {
  return shape.reduce((n, d) => n * d, 1);
}

/** The dtypes of all tensors of a case. */
export function dtypesOf(kernelCase: KernelCase): StorageDType[] {
  const tensors = [...Object.values(inputsOf(kernelCase)), ...Object.values(outputsOf(kernelCase))];
  return [...new Set(tensors.flatMap((t) => (t ? [t.dtype] : [])))];
}

function garbageOf(dtype: StorageDType, length: number, garbage: number): TypedArray {
  const value = isFloatDType(dtype) ? Number.NaN : dtype === 'bool' ? garbage & 1 : garbage;
  return hostArray(dtype, length).fill(value);
}

/** A small buffer beside a tensor, to see whether a kernel writes past the end of the tensor. */
function canary(dtype: StorageDType): TypedArray {
  return hostArray(dtype, 64 / bytesPerElement(dtype)).fill(1);
}

async function runCase(
  backend: Backend,
  kernel: KernelName,
  kernelCase: KernelCase,
  { name, spare, garbage, cache }: Run,
): Promise<Arrays> {
  const where = `${kernel} '${kernelCase.name}' (${name})`;
  const buffers: unknown[] = [];
  const unchanged: { what: string; buffer: unknown; data: TypedArray; dtype: StorageDType }[] = [];

  const place = (dtype: StorageDType, data: TypedArray): unknown => {
    const buffer = backend.allocate(dtype, data.length);
    buffers.push(buffer);
    backend.write(buffer, data);
    return buffer;
  };
  const put = (label: string, tensor: CaseOutput, data: TypedArray | undefined, input: boolean) => {
    const { dtype, shape } = tensor;
    const held = garbageOf(dtype, count(shape) + spare, garbage);
    if (data) held.set(data);
    const buffer = place(dtype, held);
    if (input) unchanged.push({ what: `input ${label}`, buffer, data: held, dtype });
    const bird = canary(dtype);
    unchanged.push({ what: `memory after ${label}`, buffer: place(dtype, bird), data: bird, dtype });
    return { buffer, dtype, shape };
  };

  try {
    const inputs: Record<string, KernelTensor> = {};
    const outputs: Record<string, KernelTensor> = {};
    for (const [label, t] of Object.entries(inputsOf(kernelCase))) {
      if (t) inputs[label] = put(label, t, t.data, true);
    }
    for (const [label, t] of Object.entries(outputsOf(kernelCase))) {
      if (t) outputs[label] = put(label, t, t.data, false);
    }
    dispatch(backend, kernel, inputs as never, outputs as never, kernelCase.attrs as never, cache);

    const results: Arrays = {};
    for (const [label, t] of Object.entries(outputs)) {
      results[label] = await backend.read(t.buffer, count(t.shape));
    }
    for (const { what, buffer, data, dtype } of unchanged) {
      const difference = firstDifference(await backend.read(buffer, data.length), data, dtype, 'exact');
      if (difference) {
        const { index, expected, found } = difference;
        throw new ConformanceError(
          `${where} changed the ${what}: element ${index} was ${expected}, is ${found}. ` +
            `attrs ${showAttrs(kernelCase.attrs)}`,
        );
      }
    }
    return results;
  } finally {
    for (const buffer of buffers) backend.free(buffer);
  }
}

function compareOutputs(where: string, kernelCase: KernelCase, found: Arrays, expected: Arrays): void {
  for (const [label, output] of Object.entries(outputsOf(kernelCase))) {
    if (!output) continue;
    const got = found[label];
    const want = expected[label];
    if (got.constructor !== want.constructor || got.length !== want.length) {
      throw new ConformanceError(
        `${where}: reading output ${label} gave a ${got.constructor.name} of ${got.length}, ` +
          `expected a ${want.constructor.name} of ${want.length}`,
      );
    }
    const difference = firstDifference(got, want, output.dtype, kernelCase.tolerance);
    if (!difference) continue;
    const { index, count: different, largest } = difference;
    throw new ConformanceError(
      `${where}: output ${label} [${output.shape}] differs first at index ${index}: ` +
        `expected ${difference.expected}, found ${difference.found} ` +
        `(${different} of ${want.length} elements, by up to ${largest}; ` +
        `tolerance ${JSON.stringify(kernelCase.tolerance)}). attrs ${showAttrs(kernelCase.attrs)}`,
    );
  }
}

/**
 * Runs one case on the backend and on the reference, several times: in buffers of the exact length and in longer ones,
 * with different garbage in the outputs, and for prepacking kernels with and without a shared cache.
 *
 * @throws ConformanceError if the outputs differ, an output isn't fully written, the kernel changes an input or memory
 * that isn't its own, or keeps buffers (packed weights without `free`, say).
 */
export async function checkCase(backend: Backend, kernel: KernelName, kernelCase: KernelCase): Promise<void> {
  const expected = await runCase(referenceBackend, kernel, kernelCase, {
    name: 'reference',
    spare: 0,
    garbage: 0,
  });
  const runs: Run[] = [
    { name: 'exact buffers', spare: 0, garbage: 85 },
    { name: 'longer buffers', spare: 5, garbage: 42 },
  ];
  const cache = new PrepackCache();
  if (typeof backend.kernels[kernel] === 'object') {
    runs.push({ name: 'shared cache, first run', spare: 0, garbage: 85, cache });
    runs.push({ name: 'shared cache, second run', spare: 0, garbage: 42, cache });
  }
  let warm: number | undefined;
  try {
    for (const run of runs) {
      const found = await runCase(backend, kernel, kernelCase, run);
      compareOutputs(`${kernel} '${kernelCase.name}' (${run.name})`, kernelCase, found, expected);
      // What a first run sets up may stay.
      warm ??= backend.memory?.().buffers;
    }
  } finally {
    cache.clear();
  }
  const held = (backend.memory?.().buffers ?? 0) - (warm ?? 0);
  if (held > 0) {
    throw new ConformanceError(
      `${kernel} '${kernelCase.name}': ${held} buffers more are alive after ${runs.length} runs than after the first`,
    );
  }
}
