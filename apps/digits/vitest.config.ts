import { project } from '@octet/build/vitest';

export default project('digits', { testTimeout: 60_000 });
