import { testBackend } from '@octet/backend-testkit';
import { describe } from 'vitest';
import { createTestBackend, noGpu } from './adapter';

describe.skipIf(noGpu)('conformance without dot4I8Packed', () => {
  testBackend({ backend: () => createTestBackend({ dotProduct: false }), profile: 'training' });
  testBackend({ backend: () => createTestBackend({ dotProduct: false }), profile: 'inference-int8' });
});
