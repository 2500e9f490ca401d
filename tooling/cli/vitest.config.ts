import { project } from '@octet/build/vitest';

export default project('cli');
