import { page } from '@octet/web/vite';
import { VitePWA } from 'vite-plugin-pwa';

export default page({
  plugins: [
    VitePWA({
      // The page registers it itself; it takes over when all pages of the old version are closed.
      injectRegister: false,
      manifest: {
        name: 'Draw a digit',
        short_name: 'Digits',
        display: 'standalone',
        icons: [{ src: 'icon.svg', sizes: 'any', type: 'image/svg+xml' }],
      },
      workbox: {
        globPatterns: ['**/*.{html,js,css,svg,safetensors,bin}'],
        globIgnores: ['mnist.bin'],
        clientsClaim: true,
        inlineWorkboxRuntime: true,
        sourcemap: false,
        runtimeCaching: [
          { urlPattern: /\/mnist\.bin$/, handler: 'CacheFirst', options: { cacheName: 'mnist' } },
        ],
      },
    }),
  ],
});
