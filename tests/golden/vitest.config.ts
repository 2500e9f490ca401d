import { project } from '@octet/build/vitest';

export default project('golden', { testTimeout: 120_000 });
