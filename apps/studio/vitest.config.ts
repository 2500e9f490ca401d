import { project } from '@octet/build/vitest';

export default project('studio', { testTimeout: 60_000 });
