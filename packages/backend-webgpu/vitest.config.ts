import { existsSync } from 'node:fs';
import { project } from '@octet/build/vitest';

// Without a GPU, the software one of Debian's Chromium, and its Vulkan loader. Read when a process starts, so the tests
// run in processes of their own: threads have the environment of this one.
const chromium = '/usr/lib/chromium';
if (!process.env.VK_ICD_FILENAMES && existsSync(`${chromium}/vk_swiftshader_icd.json`)) {
  process.env.VK_ICD_FILENAMES = `${chromium}/vk_swiftshader_icd.json`;
  process.env.LD_LIBRARY_PATH = [process.env.LD_LIBRARY_PATH, chromium].filter(Boolean).join(':');
}

export default project('backend-webgpu', { pool: 'forks', testTimeout: 30_000, hookTimeout: 30_000 });
