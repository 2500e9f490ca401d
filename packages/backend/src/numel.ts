/** The number of elements of a shape: the product of its sizes, 1 for a number alone. */
export function numel(shape: readonly number[]): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}
