// The difference between two binaries, for src/delta.ts to undo: the variants of the wasm share most of their code, so
// that the second one costs a quarter of the first.

/** Pieces shorter than this are cheaper as they are. */
const shortest = 7;

/** Bytes from which `applyDelta(base, …)` makes `target`. */
export function makeDelta(base, target) {
  const out = [];
  const number = (value) => {
    for (; value > 127; value = Math.floor(value / 128)) out.push((value % 128) | 128);
    out.push(value);
  };
  const places = new Map();
  const keyAt = (bytes, at) => bytes.subarray(at, at + shortest).join();
  for (let at = 0; at + shortest <= base.length; at++) {
    const key = keyAt(base, at);
    if (places.has(key)) places.get(key).push(at);
    else places.set(key, [at]);
  }
  /** The longest piece of base that target goes on with; of several, the one nearest to `expected`. */
  const findPiece = (at, expected) => {
    let best = { from: expected, length: 0 };
    for (const from of places.get(keyAt(target, at)) ?? []) {
      let length = 0;
      while (
        from + length < base.length &&
        at + length < target.length &&
        base[from + length] === target[at + length]
      )
        length++;
      const nearer = Math.abs(from - expected) < Math.abs(best.from - expected);
      if (length > best.length || (length === best.length && nearer)) best = { from, length };
    }
    return best;
  };

  number(target.length);
  let expected = 0;
  for (let at = 0; at < target.length; ) {
    const start = at;
    let piece = findPiece(at, expected);
    while (piece.length < shortest && at < target.length) piece = findPiece(++at, expected);
    number(at - start);
    for (const byte of target.subarray(start, at)) out.push(byte);
    number(piece.length);
    const distance = piece.from - expected;
    number(distance < 0 ? -2 * distance - 1 : 2 * distance);
    at += piece.length;
    expected = piece.from + piece.length;
  }
  return Uint8Array.from(out);
}
