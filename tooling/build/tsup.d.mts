import type { Options } from 'tsup';

/** The build settings that every published package shares. */
export declare function library(options?: Options): Options;

/** As `library`, with a file for each module of the sources, so that bundlers drop what an app doesn't import. */
export declare function modules(entries?: readonly string[], options?: Options): Options;
