import { offerSoftwareGpu } from '@octet/build/software-gpu';
import { project } from '@octet/build/vitest';

offerSoftwareGpu();

export default project('bench', { testTimeout: 60_000 });
