// The difference between two binaries, for src/delta.ts to undo: the variants of the wasm share most of their code, so
// that the second one costs a quarter of the first.

/** Pieces shorter than this are cheaper as they are; from where one would go on anyway, `least` is enough. */
const shortest = 12;
const least = 2;
/** How much longer a piece must be than the one that goes on there: its place costs as much. */
const detour = 6;

/** Bytes from which `applyDelta(base, …)` makes `target`. */
export function makeDelta(base, target) {
  const turns = [];
  const fresh = [];
  const number = (value) => {
    for (; value > 127; value = Math.floor(value / 128)) turns.push((value % 128) | 128);
    turns.push(value);
  };
  const places = new Map();
  const keyAt = (bytes, at) => bytes.subarray(at, at + shortest).join();
  for (let at = 0; at + shortest <= base.length; at++) {
    const key = keyAt(base, at);
    if (places.has(key)) places.get(key).push(at);
    else places.set(key, [at]);
  }
  const pieceAt = (at, from) => {
    let length = 0;
    while (
      from + length < base.length &&
      at + length < target.length &&
      base[from + length] === target[at + length]
    )
      length++;
    return { from, length };
  };
  /** The piece of base that target goes on with: the one at `expected`, or a longer one; of several, the nearest. */
  const findPiece = (at, expected) => {
    let best = pieceAt(at, expected);
    let score = best.length < least ? shortest - 1 : best.length + detour;
    if (best.length < least) best = { from: expected, length: 0 };
    for (const from of places.get(keyAt(target, at)) ?? []) {
      const piece = pieceAt(at, from);
      const nearer = Math.abs(from - expected) < Math.abs(best.from - expected);
      if (piece.length > score || (piece.length === score && nearer)) {
        best = piece;
        score = piece.length;
      }
    }
    return best;
  };

  let expected = 0;
  for (let at = 0; at < target.length; ) {
    const start = at;
    let piece = findPiece(at, expected);
    while (piece.length === 0 && at < target.length) piece = findPiece(++at, ++expected);
    number(at - start);
    for (const byte of target.subarray(start, at)) fresh.push(byte);
    number(piece.length);
    const distance = piece.from - expected;
    number(distance < 0 ? -2 * distance - 1 : 2 * distance);
    at += piece.length;
    expected = piece.from + piece.length;
  }
  const rest = turns.splice(0);
  number(target.length);
  number(fresh.length);
  return Uint8Array.from([...turns, ...rest, ...fresh]);
}
