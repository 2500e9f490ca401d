/**
 * The bytes that scripts/delta.mjs made `delta` of: by turns new ones, and a piece of `base`. After the length of all,
 * each turn is the number of new bytes, those bytes, the length of the piece, and how far it begins from where the last
 * one ended (even: after it, odd: before it).
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
  let from = 0;
  for (let to = 0; to < result.length; ) {
    const fresh = number();
    result.set(delta.subarray(at, at + fresh), to);
    at += fresh;
    to += fresh;
    const length = number();
    const distance = number();
    from += distance & 1 ? -(distance + 1) / 2 : distance / 2;
    result.set(base.subarray(from, from + length), to);
    from += length;
    to += length;
  }
  return result;
}
