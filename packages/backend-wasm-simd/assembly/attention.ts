// Attention, a block of rows by a block of keys at a time: the scores are never whole. A row's greatest score so far, and the sum of
// e^(score - greatest), are mended from block to block.
//
// Heads of q are numbered through all batches, `group` of them for each head of k and v.
import { KEY_BLOCK, PANEL, UNIT_ROWS as ROWS } from './constants';
import { dotRows, packPanels } from './gemm';
import { keepLanes, storeLanes32 } from './lanes';
import { addOuterProducts, madd, multiplyBlock, TILE } from './tiles';
import { exp4, log4 } from './transcendental';

const NONE: f32 = -f32.MAX_VALUE * 2;
/** Bytes of a row of scores of a block. */
const SCORES: usize = KEY_BLOCK * 4;

// @ts-ignore: decorator
@inline
function zero(): v128 {
  return f32x4.splat(0);
}

// @ts-ignore: decorator
@inline
function sumLanes(v: v128): f32 {
  const pairs = f32x4.add(v, v128.shuffle<i32>(v, v, 1, 0, 3, 2));
  return f32x4.extract_lane(f32x4.add(pairs, v128.shuffle<i32>(pairs, pairs, 2, 3, 0, 1)), 0);
}

// @ts-ignore: decorator
@inline
function maxLanes(v: v128): f32 {
  const pairs = f32x4.max(v, v128.shuffle<i32>(v, v, 1, 0, 3, 2));
  return f32x4.extract_lane(f32x4.max(pairs, v128.shuffle<i32>(pairs, pairs, 2, 3, 0, 1)), 0);
}

/** e^x and ln x of one number. */
function exp(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

function log(x: f32): f32 {
  return f32x4.extract_lane(log4(f32x4.splat(x)), 0);
}

/** The elements of a mask [batches, heads, rows, keys]: `kind` is 0 for none, 1 for bytes, 4 for floats, as is their size. */
// @ts-ignore: decorator
@inline
function maskAt(
  mask: usize, kind: i32, maskBatch: i32, maskHead: i32, maskRow: i32, head: i32, heads: i32, row: i32, key: i32,
): usize {
  const batch = head / heads;
  const at = <usize>batch * maskBatch + <usize>(head - batch * heads) * maskHead + <usize>row * maskRow + key;
  return mask + at * kind;
}

/** Four scores: scaled, and masked. */
// @ts-ignore: decorator
@inline
function masked(v: v128, scale: v128, mask: usize, kind: i32): v128 {
  v = f32x4.mul(v, scale);
  if (kind == 4) return f32x4.add(v, v128.load(mask));
  if (kind == 1) {
    const bytes = i16x8.extend_low_i8x16_u(v128.load32_zero(mask));
    const seen = i32x4.ne(i32x4.extend_low_i16x8_u(bytes), i32x4.splat(0));
    return v128.bitselect(v, f32x4.splat(NONE), seen);
  }
  return v;
}

/**
 * The `count` scores of a row become e^(score - greatest), from there to `all` 0. `state`: the row's greatest and its sum so far,
 * mended. Returns what the sums so far of other kinds must be multiplied by.
 */
function weights(scores: usize, count: i32, all: i32, scale: f32, mask: usize, kind: i32, state: usize): f32 {
  const factor = f32x4.splat(scale);
  const none = f32x4.splat(NONE);
  let best = none;
  let at = scores;
  for (let i: i32 = 0; i < count; i += 4, at += 16, mask += kind << 2) {
    const v = keepLanes(masked(v128.load(at), factor, mask, kind), count - i, none);
    storeLanes32(at, v, all - i);
    best = f32x4.max(best, v);
  }
  const before = load<f32>(state);
  const greatest = max<f32>(before, maxLanes(best));
  store<f32>(state, greatest);
  if (greatest == NONE) {
    memory.fill(scores, 0, <usize>all << 2);
    return 1;
  }
  const shift = f32x4.splat(greatest);
  let total = zero();
  let i: i32 = 0;
  at = scores;
  for (; i < count; i += 4, at += 16) {
    const e = exp4(f32x4.sub(v128.load(at), shift));
    storeLanes32(at, e, all - i);
    total = f32x4.add(total, keepLanes(e, count - i, zero()));
  }
  if (i < all) memory.fill(at, 0, <usize>(all - i) << 2);
  const correction = before == NONE ? <f32>0 : exp(before - greatest);
  store<f32>(state, load<f32>(state, 4) * correction + sumLanes(total), 4);
  return correction;
}

/** y [n] = y · factor + x, or x · factor where there is no y yet. */
// @ts-ignore: decorator
@inline
function scaleRow(y: usize, x: usize, factor: f32, n: i32): void {
  const by = f32x4.splat(factor);
  for (; n > 0; n -= 4, y += 16, x += 16) {
    storeLanes32(y, madd(v128.load(y), by, v128.load(x)), n);
  }
}

/** Divides a row by its sum; zeros where there is none. */
// @ts-ignore: decorator
@inline
function finish(y: usize, n: i32, state: usize, logSum: usize): void {
  const greatest = load<f32>(state);
  const total = load<f32>(state, 4);
  if (greatest == NONE) memory.fill(y, 0, <usize>n << 2);
  else {
    const by = f32x4.splat(total);
    for (; n > 0; n -= 4, y += 16) storeLanes32(y, f32x4.div(v128.load(y), by), n);
  }
  if (logSum) store<f32>(logSum, greatest == NONE ? NONE : greatest + log(total));
}

/** x [matrices, rows, width] in panels of its columns, block of KEY_BLOCK rows after block. Units are blocks. */
export function packRowBlocks(
  x: usize, packed: usize, rows: i32, width: i32, begin: i32, end: i32, thread: i32,
): void {
  const blocks = (rows + KEY_BLOCK - 1) / KEY_BLOCK;
  const panels = (width + PANEL - 1) / PANEL;
  for (let unit = begin; unit < end; unit++) {
    const matrix = unit / blocks;
    const first = (unit - matrix * blocks) * KEY_BLOCK;
    const row = <usize>matrix * rows + first;
    packPanels(
      x + ((row * width) << 2), packed + row * panels * (PANEL * 4), 0, width, 1, min(KEY_BLOCK, rows - first), width, 1, 0,
      0, panels, 0,
    );
  }
}

/**
 * y [heads, rows, depth]. `keysPacked` k [keys, width] in panels of its rows, `valuesPacked` v [keys, depth] by packRowBlocks.
 * Scratch for each thread: ROWS rows of scores, as many of `depth` and of two, and what multiplyBlock needs. Units are blocks of ROWS
 * rows.
 */
export function attention(
  q: usize, keysPacked: usize, valuesPacked: usize, mask: usize, kind: i32, maskBatch: i32, maskHead: i32, maskRow: i32,
  y: usize, logSum: usize, heads: i32, group: i32, rows: i32, keys: i32, width: i32, depth: i32, scale: f32, causal: bool,
  scratch: usize, scratchStep: i32, begin: i32, end: i32, thread: i32,
): void {
  const blocks = (rows + ROWS - 1) / ROWS;
  const keyMatrix = (<usize>((keys + PANEL - 1) / PANEL * PANEL) * width) << 2;
  const columns = <usize>((depth + PANEL - 1) / PANEL * PANEL) << 2;
  const scores = scratch + <usize>thread * scratchStep;
  const states = scores + <usize>ROWS * SCORES;
  const sums = states + ROWS * 8;
  const room = sums + ((<usize>ROWS * depth) << 2);
  const stride = <usize>depth << 2;
  for (let unit = begin; unit < end; unit++) {
    const head = unit / blocks;
    const first = (unit - head * blocks) * ROWS;
    const count = min(ROWS, rows - first);
    const kv = head / group;
    const from = q + ((<usize>(head * rows + first) * width) << 2);
    const to = y + <usize>(head * rows + first) * stride;
    const seen = causal ? min(keys, first + count) : keys;
    for (let row: i32 = 0; row < count; row++) {
      store<f32>(states + (<usize>row << 3), NONE);
      store<f32>(states + (<usize>row << 3), 0, 4);
    }
    for (let key: i32 = 0; key < seen; key += KEY_BLOCK) {
      const length = min(KEY_BLOCK, seen - key);
      multiplyBlock(
        from, <usize>width << 2, count, keysPacked + <usize>kv * keyMatrix + ((<usize>key * width) << 2), width, 0, 0,
        scores, SCORES, length, room,
      );
      // What is past a block of values must be left out: its panels lie closer.
      const whole = min(KEY_BLOCK, keys - key);
      for (let row: i32 = 0; row < count; row++) {
        const at = kind ? maskAt(mask, kind, maskBatch, maskHead, maskRow, head, heads, first + row, key) : 0;
        const visible = causal ? max(0, min(length, first + row + 1 - key)) : length;
        const by = weights(
          scores + <usize>row * SCORES, visible, whole, scale, at, kind, states + (<usize>row << 3),
        );
        store<f32>(sums + (<usize>row << 2), by);
      }
      const values = valuesPacked + (<usize>kv * keys + key) * columns;
      if (key == 0) {
        multiplyBlock(scores, SCORES, count, values, whole, 0, 0, to, stride, depth, room);
        continue;
      }
      // In place, first of all: the sums go where the corrections were.
      for (let row: i32 = 0; row < count; row++) {
        const by = f32x4.splat(load<f32>(sums + (<usize>row << 2)));
        let at = to + <usize>row * stride;
        for (let n = depth; n > 0; n -= 4, at += 16) storeLanes32(at, f32x4.mul(v128.load(at), by), n);
      }
      multiplyBlock(scores, SCORES, count, values, whole, 0, 0, sums, stride, depth, room);
      for (let row: i32 = 0; row < count; row++) {
        scaleRow(to + <usize>row * stride, sums + <usize>row * stride, 1, depth);
      }
    }
    for (let row: i32 = 0; row < count; row++) {
      const place = logSum ? logSum + (<usize>(head * rows + first + row) << 2) : 0;
      finish(to + <usize>row * stride, depth, states + (<usize>row << 3), place);
    }
  }
}

/** y [depth] = Σ weight[j] · v[j], of `count` rows of v. */
// @ts-ignore: decorator
@inline
function sumOfValues(weight: usize, v: usize, count: i32, depth: i32, y: usize): void {
  const stride = <usize>depth << 2;
  let column: i32 = 0;
  for (; column < depth; column += 16) {
    let at = v + (<usize>column << 2);
    let s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero();
    for (let j: i32 = 0; j < count; j++, at += stride) {
      const w = v128.load32_splat(weight + (<usize>j << 2));
      s0 = madd(w, v128.load(at), s0);
      s1 = madd(w, v128.load(at, 16), s1);
      s2 = madd(w, v128.load(at, 32), s2);
      s3 = madd(w, v128.load(at, 48), s3);
    }
    const to = y + (<usize>column << 2);
    const left = depth - column;
    storeLanes32(to, s0, left);
    if (left > 4) storeLanes32(to + 16, s1, left - 4);
    if (left > 8) storeLanes32(to + 32, s2, left - 8);
    if (left > 12) storeLanes32(to + 48, s3, left - 12);
  }
}

/** The same for so few rows that packing doesn't pay. Scratch for each thread: all scores of a head. Units are heads. */
export function attentionFewRows(
  q: usize, k: usize, v: usize, mask: usize, kind: i32, maskBatch: i32, maskHead: i32, maskRow: i32, y: usize,
  logSum: usize, heads: i32, group: i32, rows: i32, keys: i32, width: i32, depth: i32, scale: f32, causal: bool,
  scratch: usize, scratchStep: i32, begin: i32, end: i32, thread: i32,
): void {
  const state = scratch + <usize>thread * scratchStep;
  const scores = state + 8;
  for (let head = begin; head < end; head++) {
    const kv = <usize>(head / group);
    const seen = causal ? min(keys, rows) : keys;
    const left = q + ((<usize>head * rows * width) << 2);
    dotRows(
      left, k + ((kv * keys * width) << 2), 0, NONE, -NONE, scores, rows, seen, width, 0, (seen + 3) / 4, 0,
    );
    for (let row: i32 = 0; row < rows; row++) {
      const own = scores + (<usize>(row * seen) << 2);
      const at = kind ? maskAt(mask, kind, maskBatch, maskHead, maskRow, head, heads, row, 0) : 0;
      store<f32>(state, NONE);
      store<f32>(state, 0, 4);
      const visible = causal ? min(seen, row + 1) : seen;
      weights(own, visible, visible, scale, at, kind, state);
      const place = <usize>(head * rows + row);
      const to = y + ((place * depth) << 2);
      sumOfValues(own, v + ((kv * keys * depth) << 2), visible, depth, to);
      finish(to, depth, state, logSum ? logSum + (place << 2) : 0);
    }
  }
}

/** y [rows] = Σ a · b over each row of n. */
export function rowProducts(a: usize, b: usize, y: usize, n: i32, begin: i32, end: i32, thread: i32): void {
  for (let row = begin; row < end; row++) {
    const at = (<usize>row * n) << 2;
    let sum = zero();
    for (let i: i32 = 0; i < n; i += 4) {
      const term = f32x4.mul(v128.load(a + at + (<usize>i << 2)), v128.load(b + at + (<usize>i << 2)));
      sum = f32x4.add(sum, keepLanes(term, n - i, zero()));
    }
    store<f32>(y + (<usize>row << 2), sumLanes(sum));
  }
}

/**
 * A row's `count` scores → p = e^(score - logSum), and products dp → p · (dp - inner) · scale; from there to `all` both are 0. A row
 * without sum gets zeros.
 */
// @ts-ignore: decorator
@inline
function gradientRow(
  scores: usize, products: usize, count: i32, all: i32, scale: f32, mask: usize, kind: i32, logSum: f32, inner: f32,
): void {
  let i: i32 = 0;
  if (logSum != NONE) {
    const factor = f32x4.splat(scale), shift = f32x4.splat(logSum), less = f32x4.splat(inner);
    for (; i < count; i += 4, scores += 16, products += 16, mask += kind << 2) {
      const v = f32x4.sub(masked(v128.load(scores), factor, mask, kind), shift);
      const p = keepLanes(exp4(v), count - i, zero());
      const ds = f32x4.mul(f32x4.mul(p, f32x4.sub(v128.load(products), less)), factor);
      v128.store(scores, p);
      v128.store(products, keepLanes(ds, count - i, zero()));
    }
  }
  if (i < all) {
    memory.fill(scores, 0, <usize>(all - i) << 2);
    memory.fill(products, 0, <usize>(all - i) << 2);
  }
}

/** c [keys, columns] (padded to panels) += aᵀ · b, a rows of scores, b [rows, width] as it is. */
function addProducts(a: usize, keys: i32, b: usize, width: i32, rows: i32, c: usize): void {
  const stride = <usize>((width + PANEL - 1) / PANEL * PANEL) << 2;
  for (let key: i32 = 0; key < keys; key += TILE, a += TILE * 4, c += <usize>TILE * stride) {
    addOuterProducts(a, SCORES, b, <usize>width << 2, width, rows, c, stride);
  }
}

/** to [rows, width] = the same of rows that are padded to panels. */
function copyRows(from: usize, to: usize, rows: i32, width: i32): void {
  const stride = <usize>((width + PANEL - 1) / PANEL * PANEL) << 2;
  for (let row: i32 = 0; row < rows; row++, from += stride, to += <usize>width << 2) {
    memory.copy(to, from, <usize>width << 2);
  }
}

/**
 * gradQ, gradK, gradV. `keysPacked` and `valuesPacked` in panels of their rows, `keyBlocks` k by packRowBlocks; inner [heads, rows] =
 * Σ gradY · y. Scratch for each thread: twice ROWS rows of scores, ROWS rows of `width`, KEY_BLOCK rows of width and of depth,
 * padded to panels, and what multiplyBlock needs. Units are heads of k and v.
 */
export function attentionBackward(
  q: usize, keysPacked: usize, valuesPacked: usize, keyBlocks: usize, mask: usize, kind: i32, maskBatch: i32, maskHead: i32,
  maskRow: i32, logSum: usize, inner: usize, gradY: usize, gradQ: usize, gradK: usize, gradV: usize, heads: i32,
  group: i32, rows: i32, keys: i32, width: i32, depth: i32, scale: f32, causal: bool, scratch: usize, scratchStep: i32,
  begin: i32, end: i32, thread: i32,
): void {
  const padded = <usize>((keys + PANEL - 1) / PANEL * PANEL);
  const wide = <usize>((width + PANEL - 1) / PANEL * PANEL) << 2;
  const deep = <usize>((depth + PANEL - 1) / PANEL * PANEL) << 2;
  const scores = scratch + <usize>thread * scratchStep;
  const products = scores + <usize>ROWS * SCORES;
  const sums = products + <usize>ROWS * SCORES;
  const keyGrads = sums + <usize>ROWS * wide;
  const valueGrads = keyGrads + <usize>KEY_BLOCK * wide;
  const room = valueGrads + <usize>KEY_BLOCK * deep;
  const stride = <usize>width << 2;
  for (let kv = begin; kv < end; kv++) {
    for (let key: i32 = 0; key < keys; key += KEY_BLOCK) {
      const length = min(KEY_BLOCK, keys - key);
      memory.fill(keyGrads, 0, <usize>KEY_BLOCK * (wide + deep));
      const keyPanels = keysPacked + ((<usize>kv * padded + key) * width << 2);
      const valuePanels = valuesPacked + ((<usize>kv * padded + key) * depth << 2);
      const keyBlock = keyBlocks + (<usize>kv * keys + key) * wide;
      for (let head = kv * group; head < (kv + 1) * group; head++) {
        for (let first: i32 = 0; first < rows; first += ROWS) {
          const count = min(ROWS, rows - first);
          if (causal && key > 0 && first + count <= key) continue;
          const place = <usize>(head * rows + first);
          const left = q + place * stride;
          const grad = gradY + (place * depth << 2);
          multiplyBlock(left, stride, count, keyPanels, width, 0, 0, scores, SCORES, length, room);
          multiplyBlock(grad, <usize>depth << 2, count, valuePanels, depth, 0, 0, products, SCORES, length, room);
          for (let row: i32 = 0; row < count; row++) {
            const at = kind ? maskAt(mask, kind, maskBatch, maskHead, maskRow, head, heads, first + row, key) : 0;
            const visible = causal ? max(0, min(length, first + row + 1 - key)) : length;
            const offset = <usize>row * SCORES;
            const where = (place + row) << 2;
            gradientRow(
              scores + offset, products + offset, visible, KEY_BLOCK, scale, at, kind, load<f32>(logSum + where),
              load<f32>(inner + where),
            );
          }
          addProducts(scores, length, grad, depth, count, valueGrads);
          addProducts(products, length, left, width, count, keyGrads);
          const to = gradQ + place * stride;
          if (key == 0) {
            multiplyBlock(products, SCORES, count, keyBlock, length, 0, 0, to, stride, width, room);
          } else {
            multiplyBlock(products, SCORES, count, keyBlock, length, 0, 0, sums, stride, width, room);
            for (let row: usize = 0; row < <usize>count; row++) {
              scaleRow(to + row * stride, sums + row * stride, 1, width);
            }
          }
        }
      }
      copyRows(keyGrads, gradK + (<usize>(kv * keys + key) * stride), length, width);
      copyRows(valueGrads, gradV + ((<usize>(kv * keys + key) * depth) << 2), length, depth);
    }
    if (keys == 0) memory.fill(gradQ + <usize>(kv * group * rows) * stride, 0, <usize>(group * rows) * stride);
  }
}
