import { project } from '@octet/build/vitest';

export default project('example-own-layer');
