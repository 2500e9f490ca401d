/** A whole number >= 0 that a double holds exactly. */
export function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);
}

/** Undefined if the sizes multiply to more than a double counts exactly, be there a 0 among them or not. */
export function byteLength(shape: readonly number[], bytesPerElement: number): number | undefined {
  let product = bytesPerElement;
  for (const size of shape) {
    if (size !== 0) product *= size;
    if (!Number.isSafeInteger(product)) return undefined;
  }
  return shape.includes(0) ? 0 : product;
}
