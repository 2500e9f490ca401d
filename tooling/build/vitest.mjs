import { defaultClientConditions, defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

// The TypeScript sources of this workspace come first, so that tests need no build.
const source = '@octet/source';

/**
 * The test settings that every package shares: `test/**\/*.test.ts`, run on the sources.
 *
 * @param {string} name
 * @param {import('vitest/config').ViteUserConfig['test']} [test]
 */
export function project(name, test = {}) {
  return defineConfig({
    resolve: { conditions: [source, ...defaultClientConditions] },
    ssr: { resolve: { conditions: [source, ...defaultServerConditions] } },
    test: {
      name,
      environment: 'node',
      include: ['test/**/*.test.ts'],
      passWithNoTests: true,
      // All cores: by default one is left idle, which is half of two.
      maxWorkers: '100%',
      // Some start programs, on machines that do other things too.
      testTimeout: 30_000,
      hookTimeout: 30_000,
      server: { deps: { inline: [/^@octet\//] } },
      ...test,
    },
  });
}
