/** Bytes from which `applyDelta(base, …)` makes `target`. */
export declare function makeDelta(base: Uint8Array, target: Uint8Array): Uint8Array;
