/** The wasm for an engine that takes activations as `kind` says, whatever this one does. */
export declare function emulatedWasm(kind: 'unsigned' | 'signed'): Promise<Uint8Array>;
/** The text of each file of assembly/, by its name. */
export declare function assemblySources(): Record<string, string>;
