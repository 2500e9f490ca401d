/**
 * The bytes that scripts/delta.mjs made `delta` of: by turns new ones, and a piece of `base`. After the length of all and the number
 * of new bytes, which lie at the end, each turn is a number of those, the length of the piece, and how far it begins from
 * where as many bytes as were new follow the last one (even: after it, odd: before it).
 */
export function applyDelta(base: Uint8Array, delta: Uint8Array): Uint8Array {
  let at = 0;
  const number = () => {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = delta[at++];
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
  };
  const result = new Uint8Array(number());
  let fresh = delta.length - number();
  let from = 0;
  for (let to = 0; to < result.length; ) {
    const count = number();
    result.set(delta.subarray(fresh, fresh + count), to);
    fresh += count;
    to += count;
    const length = number();
    const distance = number();
    from += count + (distance & 1 ? -(distance + 1) / 2 : distance / 2);
    result.set(base.subarray(from, from + length), to);
    from += length;
    to += length;
  }
  return result;
}
