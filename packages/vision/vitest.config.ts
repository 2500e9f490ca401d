import { project } from '@octet/build/vitest';

export default project('vision', { testTimeout: 30_000 });
