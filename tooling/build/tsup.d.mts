import type { Options } from 'tsup';

/** The build settings that every published package shares. */
export declare function library(options?: Options): Options;

/** As `library`, for packages of which an app ships only what it imports: with a file for each module, for bundlers. */
export declare function modules(entries?: readonly string[], options?: Options): Options[];
