import { project } from '@octet/build/vitest';

export default project('demo');
