/** The first byte after static data: the heap starts there. */
export function heapBase(): usize {
  return __heap_base;
}
