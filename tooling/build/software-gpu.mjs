import { existsSync } from 'node:fs';

const chromium = '/usr/lib/chromium';

/**
 * Lets processes that start from here on find the software GPU of Debian's Chromium, with its Vulkan loader. Threads have
 * the environment of their process, so tests on it run in processes of their own.
 */
export function offerSoftwareGpu() {
  const driver = `${chromium}/vk_swiftshader_icd.json`;
  if (process.env.VK_ICD_FILENAMES || !existsSync(driver)) return;
  process.env.VK_ICD_FILENAMES = driver;
  process.env.LD_LIBRARY_PATH = [process.env.LD_LIBRARY_PATH, chromium].filter(Boolean).join(':');
}
