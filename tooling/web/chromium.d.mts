/** The browser of this machine: CHROMIUM, if set, or where systems put it; undefined if there is none. */
export declare const chromiumPath: string | undefined;
/** How to get one. */
export declare const chromiumAdvice: string;
/** What it is started with: nothing that asks the network. */
export declare const chromiumArgs: string[];
