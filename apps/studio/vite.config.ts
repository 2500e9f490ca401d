import { page } from '@octet/web/vite';
import { VitePWA } from 'vite-plugin-pwa';

export default page({
  plugins: [
    VitePWA({
      // The page registers it itself; it takes over when all pages of the old version are closed.
      injectRegister: false,
      manifest: {
        name: 'Octet studio',
        short_name: 'Studio',
        display: 'standalone',
        icons: [{ src: 'icon.svg', sizes: 'any', type: 'image/svg+xml' }],
      },
      workbox: {
        globPatterns: ['**/*.{html,js,css,svg}'],
        clientsClaim: true,
        inlineWorkboxRuntime: true,
        sourcemap: false,
        runtimeCaching: [
          { urlPattern: /\.(onnx|safetensors)$/, handler: 'CacheFirst', options: { cacheName: 'samples' } },
        ],
      },
    }),
  ],
});
