import { composable, type KernelName, profiles } from '@octet/backend';
import { checkCase } from '@octet/backend-testkit';
import { type CaseTensor, type KernelCase, kernelCases } from '@octet/backend-testkit/cases';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebgpuBackend } from '../src';
import { findAdapter } from '../src/adapter';
import { createTestBackend, noGpu } from './adapter';

const kernels = [...new Set([...profiles['inference-int8'], ...profiles.training, ...composable.training])];

const tensors = ({ inputs, outputs }: KernelCase) =>
  [...Object.values(inputs), ...Object.values(outputs)].filter((t): t is CaseTensor => t !== undefined);
const isOurs = ({ dtype }: CaseTensor) => dtype !== 'float64';
const bytes = (c: KernelCase) => tensors(c).reduce((sum, { data }) => sum + (data?.byteLength ?? 0), 0);

/** What every WebGPU device has. */
describe.skipIf(noGpu)('on a device with the default limits', () => {
  let device: GPUDevice;
  let backend: WebgpuBackend;
  beforeAll(async () => {
    device = await (await findAdapter(undefined)).requestDevice();
    backend = await createTestBackend({ device });
  });
  afterAll(() => {
    backend?.dispose();
    device?.destroy();
  });

  it('a buffer has 128 MiB at most', () => {
    expect(backend.info().maxBufferBytes).toBe(2 ** 27);
  });

  it.each(kernels)('%s', async (kernel: KernelName) => {
    const cases = (kernelCases[kernel]() as KernelCase[]).filter((c) => tensors(c).every(isOurs));
    await checkCase(
      backend,
      kernel,
      cases.reduce((a, b) => (bytes(b) > bytes(a) ? b : a)),
    );
  });
});
