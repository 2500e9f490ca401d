import { referenceBackend } from '@octet/backend-js-reference';
import { describe, expect, it } from 'vitest';
import { kernelCases } from '../src/cases';
import { run } from './run';

describe('cases', () => {
  it('are there for every kernel, each with a name of its own', () => {
    expect(Object.keys(kernelCases).sort()).toEqual(Object.keys(referenceBackend.kernels).sort());
    for (const [kernel, cases] of Object.entries(kernelCases)) {
      const names = cases().map(({ name }) => name);
      expect(names.length).toBeGreaterThan(0);
      expect(
        names.filter((name, i) => names.indexOf(name) < i),
        kernel,
      ).toEqual([]);
    }
  });

  it('a class label or row that does not exist is refused', () => {
    const loss = kernelCases.nllLoss()[0];
    const target = { ...loss.inputs.target, data: Int32Array.of(0, 1, 10, 2) };
    expect(() => run('nllLoss', { ...loss, inputs: { ...loss.inputs, target } })).toThrow(
      'nllLoss: expected class labels from 0 to 9, found 10 at position 2.',
    );
    const lookup = kernelCases.embedding()[1];
    const index = { ...lookup.inputs.index, data: Int32Array.of(0, 1, 2, -1, 4, 5, 6) };
    expect(() => run('embedding', { ...lookup, inputs: { ...lookup.inputs, index } })).toThrow(
      'embedding: expected indices from 0 to 9, found -1 at position 3.',
    );
  });
});
