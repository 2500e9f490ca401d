import { defineConfig } from 'vite';

// With these the page is cross-origin isolated, and the backend has threads. Your own server must send them too.
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default defineConfig({ server: { headers }, preview: { headers } });
