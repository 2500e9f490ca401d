import { testBackend } from '@octet/backend-testkit';
import { directBackend } from '../src';

testBackend({ backend: directBackend, profile: 'inference-int8' });
