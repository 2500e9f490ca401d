import { testBackend } from '@octet/backend-testkit';
import { describe } from 'vitest';
import { createTestBackend, noGpu } from './adapter';

// Run the cases of one kernel with: pnpm exec vitest run --project backend-webgpu conformance.test -t 'conv2d >'
// The profile of training takes minutes on a software GPU; .ci/run has it run.
const isWhole = process.env.SLOW_TESTS === '1';
if (!isWhole) console.warn('Kernels of floats and of training are tested with SLOW_TESTS=1 alone.');

describe.skipIf(noGpu)('conformance', () => {
  if (isWhole) testBackend({ backend: () => createTestBackend(), profile: 'training' });
  testBackend({ backend: () => createTestBackend(), profile: 'inference-int8' });
});
