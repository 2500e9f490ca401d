import { offerSoftwareGpu } from '@octet/build/software-gpu';
import { project } from '@octet/build/vitest';

offerSoftwareGpu();

export default project('backend-webgpu', {
  setupFiles: '@octet/build/expose-gc',
  pool: 'forks',
  testTimeout: 30_000,
  hookTimeout: 30_000,
});
