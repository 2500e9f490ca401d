import { defineConfig } from 'vite';

// WebGPU needs no headers. These give threads to WebAssembly, which the page falls back to.
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default defineConfig({ server: { headers }, preview: { headers } });
