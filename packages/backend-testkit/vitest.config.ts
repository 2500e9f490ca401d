import { project } from '@octet/build/vitest';

export default project('backend-testkit', { setupFiles: '@octet/build/expose-gc', testTimeout: 30_000 });
