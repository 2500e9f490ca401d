import { VitePWA } from 'vite-plugin-pwa';

/**
 * A service worker that keeps a page for use without a network; `keepForOffline` registers it. It takes over when all pages of the old
 * version are closed.
 *
 * @param {import('./offline.d.mts').OfflineOptions} options
 * @returns {import('vite').PluginOption}
 */
export function offline({ name, shortName, first = [], later = [], never = [] }) {
  return VitePWA({
    injectRegister: false,
    manifest: {
      name,
      short_name: shortName,
      display: 'standalone',
      icons: [{ src: 'icon.svg', sizes: 'any', type: 'image/svg+xml' }],
    },
    workbox: {
      globPatterns: [`**/*.{${['html', 'js', 'css', 'svg', ...first].join(',')}}`],
      globIgnores: never,
      clientsClaim: true,
      inlineWorkboxRuntime: true,
      sourcemap: false,
      runtimeCaching: [
        {
          urlPattern: new RegExp(`(${later.map((end) => end.replaceAll('.', '\\.')).join('|')})$`),
          handler: 'CacheFirst',
          options: { cacheName: 'later' },
        },
      ],
    },
  });
}
