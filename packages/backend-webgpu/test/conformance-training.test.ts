import { testBackend } from '@octet/backend-testkit';
import { describe } from 'vitest';
import { createTestBackend, noGpu } from './adapter';

// Run the cases of one kernel with: SLOW_TESTS=1 pnpm exec vitest run --project backend-webgpu conformance-training -t 'conv2d >'
describe.skipIf(noGpu)('conformance', () => {
  testBackend({ backend: () => createTestBackend(), profile: 'training' });
});
