declare const isAddress: unique symbol;

/** A place in the wasm memory, in bytes from its start. 0 stands for a tensor that isn't there. */
export type Address = number & { readonly [isAddress]: true };

/** A number that is no address. */
export type Quantity = number & { readonly [isAddress]?: never };

/** The address of what isn't there. */
export const nowhere = 0 as Address;

/** The address `bytes` further on. */
export function offset(from: Address, bytes: number): Address {
  return (from + bytes) as Address;
}
