import type { ViteUserConfig } from 'vitest/config';

/** The test settings that every package shares: `test/**\/*.test.ts`, run on the sources. */
export declare function project(name: string, test?: ViteUserConfig['test']): ViteUserConfig;
