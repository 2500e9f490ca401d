import { project } from '@octet/build/vitest';

export default project('plans', { testTimeout: 60_000 });
