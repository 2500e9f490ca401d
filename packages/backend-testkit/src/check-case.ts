import {
  ArgumentError,
  type Backend,
  bytesPerElement,
  dispatch,
  hostArray,
  isFloatDType,
  type KernelName,
  type KernelTensor,
  numel,
  PrepackCache,
  type StorageDType,
  type TypedArray,
} from '@octet/backend';
import type { CaseOutput, CaseTensor, KernelCase } from './cases';
import { ConformanceError, firstDifference, showAttrs } from './compare';
import { oracle } from './oracle';

type Arrays = Record<string, TypedArray>;

/** How one of the repeated runs of a case differs from the others. */
interface Run {
  name: string;
  /** Elements that the buffers of the inputs have beyond their shapes: the first so many, each further one 2 more. */
  inputSpare: number;
  /** Alike of the outputs. An even number beside an odd one: no two buffers are longer by the same. */
  outputSpare: number;
  /** What output integers hold before: runs with different ones catch any that a kernel leaves. */
  garbage: number;
  cache?: PrepackCache;
}

export interface CheckCaseOptions {
  /** Whose kernel says what is right: the plain definitions unless given. For kernels that they lack, those of a plugin. */
  reference?: Backend;
}

/** A case of any kernel: what is the same for all. */
type AnyCase = Pick<KernelCase, 'name' | 'attrs' | 'tolerance'> & { inputs: object; outputs: object };

const inputsOf = (c: AnyCase) => c.inputs as Record<string, CaseTensor | undefined>;
const outputsOf = (c: AnyCase) => c.outputs as Record<string, CaseOutput | undefined>;

/** The dtypes of all tensors of a case. */
export function dtypesOf(kernelCase: AnyCase): StorageDType[] {
  const tensors = [...Object.values(inputsOf(kernelCase)), ...Object.values(outputsOf(kernelCase))];
  return [...new Set(tensors.flatMap((t) => (t ? [t.dtype] : [])))];
}

/** In floats NaN, which shows wherever it is used, for odd garbage; even ones find the element left that should be NaN. */
function garbageOf(dtype: StorageDType, length: number, garbage: number): TypedArray {
  const odd = garbage & 1;
  const value = dtype === 'bool' ? odd : odd && isFloatDType(dtype) ? Number.NaN : garbage;
  return hostArray(dtype, length).fill(value);
}

/** What is past the end of an output: another garbage, and no NaN, which a kernel might write there itself. */
function tailOf(dtype: StorageDType, length: number, garbage: number): TypedArray {
  return hostArray(dtype, length).fill(dtype === 'bool' ? 1 - (garbage & 1) : garbage + 7);
}

/** A small buffer beside a tensor, to see whether a kernel writes past the end of the tensor. */
function canary(dtype: StorageDType): TypedArray {
  return hostArray(dtype, 64 / bytesPerElement(dtype)).fill(1);
}

/** A tensor in a buffer that holds `tail` after its elements. */
interface PlacedTensor extends KernelTensor {
  length: number;
  tail: TypedArray;
  /** What the whole buffer holds before the kernel runs. */
  held: TypedArray;
}

function given<T>(tensors: Record<string, T | undefined>): [string, T][] {
  return Object.entries(tensors).filter((entry): entry is [string, T] => entry[1] !== undefined);
}

async function runCase(
  backend: Backend,
  kernel: KernelName,
  kernelCase: AnyCase,
  { name, inputSpare, outputSpare, garbage, cache }: Run,
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
  const put = ({ dtype, shape, data }: CaseOutput, label: string, tail: TypedArray): PlacedTensor => {
    const length = numel(shape);
    const held = garbageOf(dtype, length + tail.length, garbage);
    if (data) held.set(data);
    held.set(tail, length);
    const buffer = place(dtype, held);
    const bird = canary(dtype);
    unchanged.push({ what: `memory after ${label}`, buffer: place(dtype, bird), data: bird, dtype });
    return { buffer, dtype, shape, length, tail, held };
  };

  try {
    const inputs: Record<string, PlacedTensor> = {};
    const outputs: Record<string, PlacedTensor> = {};
    for (const [i, [label, t]] of given(inputsOf(kernelCase)).entries()) {
      const tail = garbageOf(t.dtype, inputSpare && inputSpare + 2 * i, garbage | 1);
      const placed = put(t, label, tail);
      inputs[label] = placed;
      unchanged.push({ what: `input ${label}`, buffer: placed.buffer, data: placed.held, dtype: t.dtype });
    }
    for (const [i, [label, t]] of given(outputsOf(kernelCase)).entries()) {
      outputs[label] = put(t, label, tailOf(t.dtype, outputSpare && outputSpare + 2 * i, garbage));
    }
    dispatch(backend, kernel, inputs as never, outputs as never, kernelCase.attrs as never, cache);

    const results: Arrays = {};
    for (const [label, { buffer, dtype, length, tail }] of Object.entries(outputs)) {
      const found = await backend.read(buffer, length + tail.length);
      results[label] = found.slice(0, length);
      const past = firstDifference(found.slice(length), tail, dtype, 'exact');
      if (past) {
        throw new ConformanceError(
          `${where} wrote past the end of output ${label} [${outputs[label].shape}]: the buffer's element ` +
            `${length + past.index} was ${past.expected}, is ${past.found}. attrs ${showAttrs(kernelCase.attrs)}`,
        );
      }
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

function compareOutputs(where: string, kernelCase: AnyCase, found: Arrays, expected: Arrays): void {
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

const runs: readonly Run[] = [
  { name: 'exact buffers', inputSpare: 0, outputSpare: 0, garbage: 85 },
  { name: 'longer buffers', inputSpare: 5, outputSpare: 4, garbage: 42 },
  { name: 'longer outputs', inputSpare: 0, outputSpare: 4, garbage: 106 },
];
const cachedRuns: readonly Run[] = [
  { name: 'shared cache, first run', inputSpare: 0, outputSpare: 0, garbage: 85 },
  { name: 'shared cache, second run', inputSpare: 0, outputSpare: 0, garbage: 42 },
];

/**
 * Runs one case by the definition of the kernel, and on the backend several times: in buffers of the exact length and in longer ones,
 * with different garbage in the outputs, and for prepacking kernels with and without a shared cache. For kernels and
 * cases of one's own as well as for those of `kernelCases`.
 *
 * @throws ConformanceError if the outputs differ, an output isn't fully written, the kernel writes past the end of an
 * output, changes an input or memory that isn't its own, or keeps buffers (packed weights without `free`, say: seen on
 * backends with `memory()` only).
 * @throws ArgumentError if the reference lacks the kernel.
 */
export async function checkCase<N extends KernelName>(
  backend: Backend,
  kernel: N,
  kernelCase: KernelCase<NoInfer<N>>,
  { reference = oracle }: CheckCaseOptions = {},
): Promise<void> {
  if (!reference.kernels[kernel]) {
    throw new ArgumentError({
      op: 'checkCase',
      expected: `a reference with the kernel '${kernel}'`,
      found: `'${reference.name}', which lacks it`,
      fix:
        'Say what is right by a kernel of your own: checkCase(backend, kernel, case, ' +
        `{ reference: extendBackend(referenceBackend, { name: 'right', kernels: { ${kernel} } }) }).`,
    });
  }
  const expected = await runCase(reference, kernel, kernelCase, {
    ...runs[0],
    name: reference.name,
    garbage: 0,
  });
  const cache = new PrepackCache();
  const all = [...runs];
  if (typeof backend.kernels[kernel] === 'object') all.push(...cachedRuns.map((run) => ({ ...run, cache })));
  let warm: number | undefined;
  try {
    for (const run of all) {
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
      `${kernel} '${kernelCase.name}': ${held} buffers more are alive after ${all.length} runs than after the first`,
    );
  }
}
