import { project } from '@octet/build/vitest';

export default project('docs', { testTimeout: 60_000, hookTimeout: 60_000 });
