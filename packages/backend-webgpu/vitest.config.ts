import { existsSync } from 'node:fs';
import { project } from '@octet/build/vitest';

// On a machine without a GPU: the software one that comes with Debian's Chromium. Read when the test processes start.
const swiftShader = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (existsSync(swiftShader)) process.env.VK_ICD_FILENAMES ??= swiftShader;

// A process per file: the driver reads the environment of the process, which a thread can't change.
export default project('backend-webgpu', { pool: 'forks', testTimeout: 30_000, hookTimeout: 30_000 });
