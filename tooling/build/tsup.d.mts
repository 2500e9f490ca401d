import type { Options } from 'tsup';

/** The build settings that every published package shares. */
export declare function library(options?: Options): Options;
