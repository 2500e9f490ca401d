import { project } from '@octet/build/vitest';

export default project('graph', { setupFiles: '@octet/build/expose-gc' });
