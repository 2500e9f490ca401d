import { referenceBackend } from '@octet/backend-js-reference';
import { testBackend } from '../src';

testBackend({ backend: referenceBackend, profile: 'inference-int8' });
testBackend({ backend: referenceBackend, profile: 'inference-float' });
testBackend({ backend: async () => referenceBackend, profile: 'training' });
