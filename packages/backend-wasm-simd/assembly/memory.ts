/** The first byte after static data: the heap starts there. */
export function heapBase(): usize {
  return __heap_base;
}

/** Whether this is the variant with relaxed SIMD. */
export function isRelaxed(): bool {
  return <bool>RELAXED;
}
