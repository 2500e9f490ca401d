import { checkCase } from '@octet/backend-testkit';
import { kernelCases } from '@octet/backend-testkit/cases';
import { describe, test } from 'vitest';
import { createWasmBackend } from '../src';

// The conformance suite lets a GPU round half-way numbers either way. Here the integers are the reference's.
describe.each([1, 2])('int8 normalisations, threads: %i', async (threads) => {
  const backend = await createWasmBackend({ threads });
  const cases = kernelCases.qgroupNorm().map((kernelCase) => [kernelCase.name, kernelCase] as const);
  test.each([...cases])('%s', async (_, kernelCase) => {
    await checkCase(backend, 'qgroupNorm', { ...kernelCase, tolerance: 'exact' });
  });
});
