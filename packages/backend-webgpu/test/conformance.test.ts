import { testBackend } from '@octet/backend-testkit';
import { describe } from 'vitest';
import { createTestBackend, noGpu } from './adapter';

// Run the cases of one kernel with: pnpm exec vitest run --project backend-webgpu conformance.test -t 'qconv2d >'
describe.skipIf(noGpu)('conformance', () => {
  testBackend({ backend: () => createTestBackend(), profile: 'inference-int8' });
});
