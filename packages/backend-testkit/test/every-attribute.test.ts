import {
  type Backend,
  composable,
  extendBackend,
  type Kernel,
  type KernelName,
  type Kernels,
  profiles,
  runKernel,
} from '@octet/backend';
import { type HostBuffer, referenceBackend } from '@octet/backend-js-reference';
import { describe, expect, it } from 'vitest';
import { checkCase } from '../src';
import { type KernelCase, kernelCases } from '../src/cases';

type Attrs = Record<string, unknown>;
type Numbers = Int32Array | Float32Array | Uint8Array | Int8Array;

const isPair = (v: unknown): v is readonly [number, number] => Array.isArray(v) && v.length === 2;
const isArray = (v: unknown): v is Numbers => ArrayBuffer.isView(v);

/** What a kernel may make of an attribute that it doesn't look at, or looks at wrongly. By what is wrong. */
function misreadings(values: readonly unknown[]): Record<string, (value: never) => unknown> {
  const found: Record<string, (value: never) => unknown> = {};
  const constants = [...new Map(values.map((v) => [JSON.stringify(v), v])).values()];
  const plain = constants.filter((v) => !isArray(v) && !Array.isArray(v));
  const some = plain.length > 8 ? [plain[0], plain[1], plain.at(-1)] : plain;
  for (const constant of some) found[`always ${String(constant)}`] = () => constant;
  if (constants.some(isPair)) {
    const pairs = constants.filter(isPair);
    for (const pair of pairs) found[`always ${pair}`] = () => pair;
    found['the first of both axes'] = ([first]: [number, number]) => [first, first];
    found['the second of both axes'] = ([, second]: [number, number]) => [second, second];
    found['the axes exchanged'] = ([first, second]: [number, number]) => [second, first];
  }
  if (constants.some((v) => isArray(v) && v.length > 1)) {
    found["the first channel's for all"] = (v: Numbers) => v.slice().fill(v[0]);
    found["the next channel's"] = (v: Numbers) => v.map((_, i) => v[(i + 1) % v.length]);
  }
  if (constants.some(isArray)) {
    found['none: 0'] = (v: Numbers) => v.slice().fill(0);
    found['none: 1'] = (v: Numbers) => v.slice().fill(1);
  }
  return found;
}

async function fails(backend: Backend, kernel: KernelName, cases: readonly KernelCase[]): Promise<boolean> {
  for (const kernelCase of cases) {
    try {
      await checkCase(backend, kernel, kernelCase);
    } catch {
      return true;
    }
  }
  return false;
}

const all = [...new Set([...Object.values(profiles), ...Object.values(composable)].flat())];

/** The reference with one kernel that gets other tensors or attributes than it is given. */
function misreading<N extends KernelName>(
  kernel: N,
  change: (tensors: Record<string, never>, attrs: Attrs) => [tensors: object, attrs: object],
): Backend {
  const right = referenceBackend.kernels[kernel] as Kernel<never, HostBuffer>;
  const wrong = (tensors: never, attrs: never) => {
    runKernel(right, ...(change(tensors, attrs) as [never, never]));
  };
  return extendBackend(referenceBackend, {
    name: 'misreading',
    kernels: { [kernel]: wrong } as Partial<Kernels<HostBuffer>>,
  });
}

/** What can't be seen, and why. */
const unseen: Readonly<Record<string, string>> = {
  'adamStep amsgrad taken as always true': 'without it there is no maxExpAvgSq to use',
  'thresholdBackward value taken as always -3': 'where the value stands there is no gradient',
  'thresholdBackward value taken as always 2': 'where the value stands there is no gradient',
  'nllLossBackward ignoreIndex taken as always -100': 'w is 0 where the target is ignored',
};

describe.each(all)('the cases of %s see', (kernel) => {
  const cases = kernelCases[kernel]() as KernelCase[];
  // By the number of elements, as small ones are quick and mostly enough.
  const names = [...new Set(cases.flatMap(({ attrs }) => Object.keys(attrs)))];
  for (const name of names) {
    const values = cases.map(({ attrs }) => (attrs as Attrs)[name]).filter((v) => v !== undefined);
    for (const [what, misread] of Object.entries(misreadings(values))) {
      const why = unseen[`${kernel} ${name} taken as ${what}`];
      it.skipIf(why)(`${name} taken as ${what}`, async () => {
        const backend = misreading(kernel, (tensors, attrs) => [
          tensors,
          { ...attrs, [name]: misread(attrs[name] as never) },
        ]);
        const told = cases.filter(({ attrs }) => {
          const value = (attrs as Attrs)[name];
          return value !== undefined && JSON.stringify(misread(value as never)) !== JSON.stringify(value);
        });
        expect(await fails(backend, kernel, told)).toBe(true);
      });
    }
  }

  const optional = [...new Set(cases.flatMap(({ inputs }) => Object.keys(inputs)))].filter((label) =>
    cases.some(({ inputs }) => !(inputs as Attrs)[label]),
  );
  for (const label of optional) {
    it(`the optional input ${label} forgotten`, async () => {
      const backend = misreading(kernel, (tensors, attrs) => [{ ...tensors, [label]: undefined }, attrs]);
      expect(await fails(backend, kernel, cases)).toBe(true);
    });
  }
});
