import type { UserConfig } from 'vite';

/** The settings that the pages share, with a page's own merged into them. */
export declare function page(config?: UserConfig): UserConfig;
