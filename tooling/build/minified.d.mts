/** An entry of this workspace as apps ship it: its sources and all that they import in one minified module. */
export declare function minified(entry: string, options?: { target?: string }): Promise<string>;
