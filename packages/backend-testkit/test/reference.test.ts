import { referenceBackend } from '@octet/backend-js-reference';
import { testBackend } from '../src';

testBackend({ backend: referenceBackend, profile: 'inference-int8' });
// What inference-float asks for is part of training.
testBackend({ backend: async () => referenceBackend, profile: 'training' });
