const slots = new Map<string, Float64Array>();

/**
 * Working memory of at least `length` doubles, contents unspecified, kept for the next call. Every use has a name of
 * its own, so that two of them never share memory.
 */
export function scratch(name: string, length: number): Float64Array {
  let array = slots.get(name);
  if (!array || array.length < length) {
    array = new Float64Array(length);
    slots.set(name, array);
  }
  return array;
}
