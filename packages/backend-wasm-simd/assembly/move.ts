// Strided copies. The two innermost axes are done here in one go; units are the index combinations of the others.

/** One element of 1 or 4 bytes. */
// @ts-ignore: decorator
@inline
function copyElement(wide: bool, from: usize, to: usize): void {
  if (wide) store<i32>(to, load<i32>(from));
  else store<u8>(to, load<u8>(from));
}

/** rows × columns elements; strides in bytes. */
// @ts-ignore: decorator
@inline
function copyPlane(
  wide: bool, x: usize, y: usize, rows: i32, columns: i32, xRow: usize, xColumn: usize, yRow: usize, yColumn: usize,
): void {
  for (let r: i32 = 0; r < rows; r++, x += xRow, y += yRow) {
    let from = x;
    let to = y;
    for (let c: i32 = 0; c < columns; c++, from += xColumn, to += yColumn) copyElement(wide, from, to);
  }
}

/** Four rows of four elements that lie close in x become four columns that lie close in y. */
// @ts-ignore: decorator
@inline
function transpose4(x: usize, xColumn: usize, y: usize, yRow: usize): void {
  const a = v128.load(x), b = v128.load(x + xColumn), c = v128.load(x + xColumn * 2), d = v128.load(x + xColumn * 3);
  const ab0 = v128.shuffle<i32>(a, b, 0, 4, 1, 5), ab1 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cd0 = v128.shuffle<i32>(c, d, 0, 4, 1, 5), cd1 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(y, v128.shuffle<i64>(ab0, cd0, 0, 2));
  v128.store(y + yRow, v128.shuffle<i64>(ab0, cd0, 1, 3));
  v128.store(y + yRow * 2, v128.shuffle<i64>(ab1, cd1, 0, 2));
  v128.store(y + yRow * 3, v128.shuffle<i64>(ab1, cd1, 1, 3));
}

/** Eight rows of eight bytes that lie close in x become eight columns that lie close in y. */
// @ts-ignore: decorator
@inline
function transpose8(x: usize, xColumn: usize, y: usize, yRow: usize): void {
  const a = v128.load64_zero(x), b = v128.load64_zero(x + xColumn);
  const c = v128.load64_zero(x + xColumn * 2), d = v128.load64_zero(x + xColumn * 3);
  const e = v128.load64_zero(x + xColumn * 4), f = v128.load64_zero(x + xColumn * 5);
  const g = v128.load64_zero(x + xColumn * 6), h = v128.load64_zero(x + xColumn * 7);
  const ab = v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const cd = v128.shuffle<i8>(c, d, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const ef = v128.shuffle<i8>(e, f, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const gh = v128.shuffle<i8>(g, h, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const low4 = v128.shuffle<i16>(ab, cd, 0, 8, 1, 9, 2, 10, 3, 11), high4 = v128.shuffle<i16>(ab, cd, 4, 12, 5, 13, 6, 14, 7, 15);
  const low8 = v128.shuffle<i16>(ef, gh, 0, 8, 1, 9, 2, 10, 3, 11), high8 = v128.shuffle<i16>(ef, gh, 4, 12, 5, 13, 6, 14, 7, 15);
  const y0 = v128.shuffle<i32>(low4, low8, 0, 4, 1, 5), y2 = v128.shuffle<i32>(low4, low8, 2, 6, 3, 7);
  const y4 = v128.shuffle<i32>(high4, high8, 0, 4, 1, 5), y6 = v128.shuffle<i32>(high4, high8, 2, 6, 3, 7);
  v128.store64_lane(y, y0, 0);
  v128.store64_lane(y + yRow, y0, 1);
  v128.store64_lane(y + yRow * 2, y2, 0);
  v128.store64_lane(y + yRow * 3, y2, 1);
  v128.store64_lane(y + yRow * 4, y4, 0);
  v128.store64_lane(y + yRow * 5, y4, 1);
  v128.store64_lane(y + yRow * 6, y6, 0);
  v128.store64_lane(y + yRow * 7, y6, 1);
}

/** Bytes, close along rows in x and along columns in y: by squares of eight. */
function transposeBytes(x: usize, y: usize, rows: i32, columns: i32, xColumn: usize, yRow: usize): void {
  let r: i32 = 0;
  for (; r + 8 <= rows; r += 8, x += 8, y += yRow * 8) {
    let from = x;
    let to = y;
    let c: i32 = 0;
    for (; c + 8 <= columns; c += 8, from += xColumn * 8, to += 8) transpose8(from, xColumn, to, yRow);
    copyPlane(false, from, to, 8, columns - c, 1, xColumn, yRow, 1);
  }
  copyPlane(false, x, y, rows - r, columns, 1, xColumn, yRow, 1);
}

/** Three columns of bytes, close in x, side by side in y: the colours of an image. Sixteen rows at a time. */
function interleave3(x: usize, y: usize, rows: i32, xColumn: usize): void {
  let r: i32 = 0;
  for (; r + 16 <= rows; r += 16, x += 16, y += 48) {
    const a = v128.load(x), b = v128.load(x + xColumn), c = v128.load(x + xColumn * 2);
    const ab0 = v128.shuffle<i8>(a, b, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5);
    const ab1 = v128.shuffle<i8>(a, b, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26);
    const ab2 = v128.shuffle<i8>(a, b, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0);
    v128.store(y, v128.shuffle<i8>(ab0, c, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15));
    v128.store(y, v128.shuffle<i8>(ab1, c, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15), 16);
    v128.store(y, v128.shuffle<i8>(ab2, c, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31), 32);
  }
  copyPlane(false, x, y, rows - r, 3, 1, xColumn, 3, 1);
}

/** Elements of 4 bytes, close along rows in x and along columns in y: by squares of four. */
function transposePlane(x: usize, y: usize, rows: i32, columns: i32, xColumn: usize, yRow: usize): void {
  let r: i32 = 0;
  for (; r + 4 <= rows; r += 4, x += 16, y += yRow * 4) {
    let from = x;
    let to = y;
    let c: i32 = 0;
    for (; c + 4 <= columns; c += 4, from += xColumn * 4, to += 16) transpose4(from, xColumn, to, yRow);
    copyPlane(true, from, to, 4, columns - c, 4, xColumn, yRow, 4);
  }
  copyPlane(true, x, y, rows - r, columns, 4, xColumn, yRow, 4);
}

/**
 * axes [count][3] int32: length, stride in x, stride in y (bytes), outermost first; the plane's rows and columns are the
 * last two. Units are blocks of `blockRows` of the plane's rows, for every combination of the others' indices.
 */
export function copyStrided(
  x: usize, y: usize, axes: usize, count: i32, elementBytes: i32, blockRows: i32, begin: i32, end: i32, thread: i32,
): void {
  const plane = axes + <usize>(count - 2) * 12;
  const planeRows = load<i32>(plane);
  const xRow = <usize>load<i32>(plane, 4);
  const yRow = <usize>load<i32>(plane, 8);
  const columns = load<i32>(plane, 12);
  const xColumn = <usize>load<i32>(plane, 16);
  const yColumn = <usize>load<i32>(plane, 20);
  const blocks = (planeRows + blockRows - 1) / blockRows;
  for (let unit = begin; unit < end; unit++) {
    let rest = unit / blocks;
    const row = (unit - rest * blocks) * blockRows;
    const rows = min(blockRows, planeRows - row);
    let from = x + <usize>row * xRow;
    let to = y + <usize>row * yRow;
    for (let axis = plane; axis > axes; ) {
      axis -= 12;
      const length = load<i32>(axis);
      const outer = rest / length;
      const index = rest - outer * length;
      from += <usize>index * <usize>load<i32>(axis, 4);
      to += <usize>index * <usize>load<i32>(axis, 8);
      rest = outer;
    }
    if (xColumn == elementBytes && yColumn == elementBytes) {
      const bytes = <usize>columns * elementBytes;
      // A row repeated: from what is there already, in pieces that double.
      if (xRow == 0 && yRow == bytes) {
        memory.copy(to, from, bytes);
        for (let done: i32 = 1; done < rows; done <<= 1) {
          memory.copy(to + <usize>done * bytes, to, <usize>min(done, rows - done) * bytes);
        }
        continue;
      }
      for (let r: i32 = 0; r < rows; r++, from += xRow, to += yRow) memory.copy(to, from, bytes);
    } else if (elementBytes == 4) {
      if (xRow == 4 && yColumn == 4) transposePlane(from, to, rows, columns, xColumn, yRow);
      else copyPlane(true, from, to, rows, columns, xRow, xColumn, yRow, yColumn);
    } else if (xRow == 1 && yColumn == 1) {
      if (columns == 3 && yRow == 3) interleave3(from, to, rows, xColumn);
      else transposeBytes(from, to, rows, columns, xColumn, yRow);
    } else copyPlane(false, from, to, rows, columns, xRow, xColumn, yRow, yColumn);
  }
}
