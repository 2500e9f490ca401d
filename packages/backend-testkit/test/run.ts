import { type Backend, dispatch, type KernelName, type TypedArray } from '@octet/backend';
import { type HostBuffer, referenceBackend } from '@octet/backend-js-reference';
import type { CaseOutput, CaseTensor, KernelCase } from '../src/cases';

const count = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1);

/** What the reference makes of a case. */
export function run<N extends KernelName>(kernel: N, kernelCase: KernelCase<N>): Record<string, TypedArray> {
  return runOn(referenceBackend, kernel, kernelCase);
}

/** What a backend on the host's arrays makes of a case. */
export function runOn<N extends KernelName>(
  backend: Backend<HostBuffer>,
  kernel: N,
  kernelCase: KernelCase<N>,
): Record<string, TypedArray> {
  const place = (given: object) =>
    Object.fromEntries(
      Object.entries(given as Record<string, CaseTensor | CaseOutput | undefined>).flatMap(([name, t]) => {
        if (!t) return [];
        const buffer = backend.allocate(t.dtype, count(t.shape));
        if (t.data) backend.write(buffer, t.data);
        return [[name, { buffer, dtype: t.dtype, shape: t.shape }]];
      }),
    );
  const outputs = place(kernelCase.outputs);
  dispatch(backend, kernel, place(kernelCase.inputs) as never, outputs as never, kernelCase.attrs as never);
  return Object.fromEntries(Object.entries(outputs).map(([name, t]) => [name, t.buffer.data]));
}
