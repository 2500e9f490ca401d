import { offerSoftwareGpu } from '@octet/build/software-gpu';
import { project } from '@octet/build/vitest';

offerSoftwareGpu();

export default project('backend-webgpu', { pool: 'forks', testTimeout: 30_000, hookTimeout: 30_000 });
