import { project } from '@octet/build/vitest';

export default project('bench', { testTimeout: 60_000 });
