import type { KernelName } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { describe, expect, it, vi } from 'vitest';
import { checkCase } from '../src';
import { type KernelCase, kernelCases } from '../src/cases';
import { floats, output } from '../src/cases/case';
import { elementwiseCases } from '../src/cases/elementwise';
import { firstDifference } from '../src/compare';
import { definedByReference, definitions, oracle } from '../src/oracle';
import { run, runOn } from './run';

type Defined = keyof typeof definitions;
const defined = Object.keys(definitions) as Defined[];

describe('the oracle', () => {
  it('has every kernel, by a definition, by the reference or by a row', () => {
    const named = [...defined, ...definedByReference];
    expect(new Set(named).size).toBe(named.length);
    const rows = Object.keys(elementwiseCases);
    expect([...new Set([...named, ...rows])].sort()).toEqual(Object.keys(referenceBackend.kernels).sort());
    for (const kernel of defined) expect(oracle.kernels[kernel], kernel).toBe(definitions[kernel]);
    for (const kernel of definedByReference) {
      expect(oracle.kernels[kernel], kernel).toBe(referenceBackend.kernels[kernel]);
    }
  });

  it('is what checkCase compares with', async () => {
    const spy = vi.spyOn(oracle.kernels as typeof definitions, 'linear');
    await checkCase(referenceBackend, 'linear', kernelCases.linear()[0]);
    expect(spy).toHaveBeenCalledOnce();
    spy.mockRestore();
  });
});

// Closer than the cases ask of other backends: the reference sums in float64 too.
const near = { atol: 1e-5, rtol: 1e-5 };

function expectAsDefined(kernel: KernelName, kernelCase: KernelCase): void {
  const expected = runOn(oracle, kernel, kernelCase);
  const found = run(kernel, kernelCase);
  for (const [name, { dtype }] of Object.entries(kernelCase.outputs as KernelCase<Defined>['outputs'])) {
    expect(found[name].length).toBe(expected[name].length);
    const difference = firstDifference(found[name], expected[name], dtype, near);
    expect(difference, `${kernel}, ${kernelCase.name}, ${name}`).toBeUndefined();
  }
}

describe('the reference’s fast loops do what the definitions do', () => {
  it.each(defined)('%s', (kernel) => {
    for (const kernelCase of kernelCases[kernel]() as KernelCase[]) expectAsDefined(kernel, kernelCase);
  });

  it('in groups of any number of channels', () => {
    const [stride, padding, dilation] = [
      [1, 2],
      [0, 1],
      [2, 1],
    ] as const;
    for (const groups of [1, 2, 5]) {
      for (const groupIn of [1, 2, 3, 8]) {
        for (const groupOut of [1, 2, 3, 8]) {
          expectAsDefined('conv2d', {
            name: `${groups} groups of ${groupIn} and ${groupOut} channels`,
            inputs: {
              x: floats(groupIn, [2, 7, 8, groups * groupIn]),
              weight: floats(groupOut, [groups * groupOut, 3, 2, groupIn]),
            },
            outputs: { y: output('float32', [2, 3, 5, groups * groupOut]) },
            attrs: { stride, padding, dilation, groups },
            tolerance: near,
          } satisfies KernelCase<'conv2d'> as KernelCase);
        }
      }
    }
  });
});

it('the int8 cases reach many output values, not only the ends', () => {
  const cases = kernelCases.qconv2d().filter(({ name }) => name.startsWith('3x3, one multiplier'));
  expect(new Set(cases.flatMap((c) => Array.from(run('qconv2d', c).y))).size).toBeGreaterThan(50);
});
