import type { AttentionAttrs } from '@octet/backend';
import type { GpuTensor, KernelFamily } from '../kernel';
import { program } from '../program';
import { asNan } from '../wgsl/special';

/** Rows and keys of a tile: an invocation for each pair of them. */
const side = 16;
/** Columns of the outputs that a tile sums up at once: `each` for an invocation. */
const each = 8;
const columns = side * each;

const uniforms = {
  groups: 'u32',
  heads: 'u32',
  group: 'u32',
  rows: 'u32',
  keys: 'u32',
  width: 'u32',
  depth: 'u32',
  scale: 'f32',
  causal: 'u32',
  kind: 'u32',
  maskBatch: 'u32',
  maskHead: 'u32',
  maskRow: 'u32',
  first: 'u32',
} as const;

/** Two tiles to multiply, and one of what comes of it; a number more in each line, so that lanes hit different banks. */
const tiles = /* wgsl */ `
var<workgroup> leftTile: array<f32, ${side * (side + 1)}>;
var<workgroup> rightTile: array<f32, ${side * (side + 1)}>;
var<workgroup> tile: array<f32, ${side * (side + 1)}>;
const lowest = -0x1.fffffep+127f;
`;

/** Σ left · right over n elements: of this lane's line of left (lid.y), from a, and its line of right (lid.x), staged by lid.y from b. */
const product = (to: string, left: string, right: string, n: string, a: string, b: string) => /* wgsl */ `
  var ${to} = 0.0;
  for (var part = 0u; part < ${n}; part += ${side}u) {
    workgroupBarrier();
    let column = part + lid.x;
    var l = 0.0;
    var r = 0.0;
    if (column < ${n}) {
      l = ${left}[${a} + column];
      r = ${right}[${b} + column];
    }
    leftTile[lid.y * ${side + 1}u + lid.x] = l;
    rightTile[lid.y * ${side + 1}u + lid.x] = r;
    workgroupBarrier();
    for (var i = 0u; i < ${side}u; i++) {
      ${to} += leftTile[lid.y * ${side + 1}u + i] * rightTile[lid.x * ${side + 1}u + i];
    }
  }`;

/** What a score becomes: scaled and masked, whether it counts, and whether it is NaN or +infinity. */
const masked = /* wgsl */ `
struct Score { value: f32, seen: bool, strange: bool }
fn masked(sum: f32, head: u32, row: u32, key: u32) -> Score {
  if (row >= u.rows || key >= u.keys || (u.causal == 1u && key > row)) { return Score(lowest, false, false); }
  let at = head / u.heads * u.maskBatch + head % u.heads * u.maskHead + row * u.maskRow + key;
  if (u.kind == 1u && ((mask[at >> 2u] >> (8u * (at & 3u))) & 255u) == 0u) { return Score(lowest, false, false); }
  var value = sum * u.scale;
  if (u.kind == 4u) {
    if (mask[at] == 0xff800000u) { return Score(lowest, false, false); }
    value += bitcast<f32>(mask[at]);
  }
  let bits = bitcast<u32>(value);
  if (bits == 0x7f800000u || (bits & 0x7fffffffu) > 0x7f800000u) { return Score(lowest, false, true); }
  if (bits == 0xff800000u) { return Score(lowest, false, false); }
  return Score(value, true, false);
}
`;

/** A tile of 16 rows of a head: its workgroup, and where its rows begin. */
const rowTile = /* wgsl */ `
  if (group >= u.groups) { return; }
  let tilesOfRows = (u.rows + ${side - 1}u) / ${side}u;
  let head = group / tilesOfRows;
  let kv = head / u.group;
  let row0 = group % tilesOfRows * ${side}u;
  let row = row0 + lid.y;
  let place = head * u.rows + min(row, u.rows - 1u);
  let end = select(u.keys, min(u.keys, row0 + ${side}u), u.causal == 1u);`;

const forward = program({
  name: 'attention',
  inputs: { q: 'f32', k: 'f32', v: 'f32', mask: 'u32' },
  outputs: { y: 'f32', logSum: 'f32' },
  uniforms: { ...uniforms, kept: 'u32', none: 'f32' },
  workgroup: [side, side],
  include: [asNan],
  code: tiles + masked,
  main: `${rowTile}
  var best = lowest;
  var total = 0.0;
  var strange = 0.0;
  var sums: array<f32, ${each}>;
  for (var key0 = 0u; key0 < end; key0 += ${side}u) {
    let other = (kv * u.keys + min(key0 + lid.y, u.keys - 1u)) * u.width;
    ${product('sum', 'q', 'k', 'u.width', 'place * u.width', 'other')}
    let score = masked(sum, head, row, key0 + lid.x);
    if (score.strange) { strange = 1.0; }
    tile[lid.y * ${side + 1}u + lid.x] = score.value;
    workgroupBarrier();
    var greatest = best;
    for (var j = 0u; j < ${side}u; j++) { greatest = max(greatest, tile[lid.y * ${side + 1}u + j]); }
    workgroupBarrier();
    tile[lid.y * ${side + 1}u + lid.x] = select(0.0, exp(score.value - greatest), score.seen);
    workgroupBarrier();
    let correction = exp(best - greatest);
    best = greatest;
    total *= correction;
    for (var i = 0u; i < ${each}u; i++) { sums[i] *= correction; }
    for (var j = 0u; j < min(${side}u, u.keys - key0); j++) {
      let p = tile[lid.y * ${side + 1}u + j];
      total += p;
      let line = (kv * u.keys + key0 + j) * u.depth;
      for (var i = 0u; i < ${each}u; i++) {
        let column = u.first + ${side}u * i + lid.x;
        if (column < u.depth) { sums[i] += p * v[line + column]; }
      }
    }
  }
  workgroupBarrier();
  tile[lid.y * ${side + 1}u + lid.x] = strange;
  workgroupBarrier();
  for (var j = 0u; j < ${side}u; j++) { strange = max(strange, tile[lid.y * ${side + 1}u + j]); }
  if (row >= u.rows) { return; }
  for (var i = 0u; i < ${each}u; i++) {
    let column = u.first + ${side}u * i + lid.x;
    if (column >= u.depth) { break; }
    var result = 0.0;
    if (total > 0.0) { result = sums[i] / total; }
    if (strange > 0.0) { result = asNan(1.0); }
    y[place * u.depth + column] = result;
  }
  if (u.kept == 0u || lid.x > 0u) { return; }
  var logarithm = u.none;
  if (total > 0.0) { logarithm = best + log(total); }
  if (strange > 0.0) { logarithm = asNan(1.0); }
  logSum[place] = logarithm;`,
});

/** Of each row its sum's logarithm, and Σ gradY · y. */
const statistics = program({
  name: 'attentionBackward, rows',
  inputs: { y: 'f32', gradY: 'f32', logSum: 'f32' },
  outputs: { stats: 'f32' },
  uniforms: { all: 'u32', depth: 'u32' },
  workgroup: [64],
  main: `
  if (index >= u.all) { return; }
  var sum = 0.0;
  for (var i = 0u; i < u.depth; i++) { sum += y[index * u.depth + i] * gradY[index * u.depth + i]; }
  stats[2u * index] = logSum[index];
  stats[2u * index + 1u] = sum;`,
});

/** The weight of a score, and its gradient by that of the weight. */
const gradient = /* wgsl */ `
fn weightOf(score: Score, logSum: f32) -> f32 {
  if (bitcast<u32>(logSum) == 0xff800000u || !score.seen) { return 0.0; }
  return exp(score.value - logSum);
}
`;

const backwardInputs = { q: 'f32', k: 'f32', v: 'f32', mask: 'u32', stats: 'f32', gradY: 'f32' } as const;

const ofRows = program({
  name: 'attentionBackward, gradQ',
  inputs: backwardInputs,
  outputs: { gradQ: 'f32' },
  uniforms,
  workgroup: [side, side],
  code: tiles + masked + gradient,
  main: `${rowTile}
  var sums: array<f32, ${each}>;
  for (var key0 = 0u; key0 < end; key0 += ${side}u) {
    let other = kv * u.keys + min(key0 + lid.y, u.keys - 1u);
    ${product('sum', 'q', 'k', 'u.width', 'place * u.width', 'other * u.width')}
    ${product('dp', 'gradY', 'v', 'u.depth', 'place * u.depth', 'other * u.depth')}
    let p = weightOf(masked(sum, head, row, key0 + lid.x), stats[2u * place]);
    tile[lid.y * ${side + 1}u + lid.x] = p * (dp - stats[2u * place + 1u]) * u.scale;
    workgroupBarrier();
    for (var j = 0u; j < min(${side}u, u.keys - key0); j++) {
      let ds = tile[lid.y * ${side + 1}u + j];
      let line = (kv * u.keys + key0 + j) * u.width;
      for (var i = 0u; i < ${each}u; i++) {
        let column = u.first + ${side}u * i + lid.x;
        if (column < u.width) { sums[i] += ds * k[line + column]; }
      }
    }
    workgroupBarrier();
  }
  if (row >= u.rows) { return; }
  for (var i = 0u; i < ${each}u; i++) {
    let column = u.first + ${side}u * i + lid.x;
    if (column < u.width) { gradQ[place * u.width + column] = sums[i]; }
  }`,
});

const ofKeys = program({
  name: 'attentionBackward, gradK and gradV',
  inputs: backwardInputs,
  outputs: { gradK: 'f32', gradV: 'f32' },
  uniforms,
  workgroup: [side, side],
  code: `${tiles}${masked}${gradient}
var<workgroup> weights: array<f32, ${side * (side + 1)}>;`,
  main: `
  if (group >= u.groups) { return; }
  let tilesOfKeys = (u.keys + ${side - 1}u) / ${side}u;
  let kv = group / tilesOfKeys;
  let key0 = group % tilesOfKeys * ${side}u;
  let key = key0 + lid.y;
  let place = kv * u.keys + min(key, u.keys - 1u);
  var keySums: array<f32, ${each}>;
  var valueSums: array<f32, ${each}>;
  for (var head = kv * u.group; head < kv * u.group + u.group; head++) {
    for (var row0 = 0u; row0 < u.rows; row0 += ${side}u) {
      let other = head * u.rows + min(row0 + lid.y, u.rows - 1u);
      ${product('sum', 'k', 'q', 'u.width', 'place * u.width', 'other * u.width')}
      ${product('dp', 'v', 'gradY', 'u.depth', 'place * u.depth', 'other * u.depth')}
      let row = row0 + lid.x;
      let at = head * u.rows + min(row, u.rows - 1u);
      let p = weightOf(masked(sum, head, row, key), stats[2u * at]);
      weights[lid.y * ${side + 1}u + lid.x] = p;
      tile[lid.y * ${side + 1}u + lid.x] = p * (dp - stats[2u * at + 1u]) * u.scale;
      workgroupBarrier();
      for (var j = 0u; j < min(${side}u, u.rows - row0); j++) {
        let weight = weights[lid.y * ${side + 1}u + j];
        let ds = tile[lid.y * ${side + 1}u + j];
        let line = head * u.rows + row0 + j;
        for (var i = 0u; i < ${each}u; i++) {
          let column = u.first + ${side}u * i + lid.x;
          if (column < u.width) { keySums[i] += ds * q[line * u.width + column]; }
          if (column < u.depth) { valueSums[i] += weight * gradY[line * u.depth + column]; }
        }
      }
      workgroupBarrier();
    }
  }
  if (key >= u.keys) { return; }
  for (var i = 0u; i < ${each}u; i++) {
    let column = u.first + ${side}u * i + lid.x;
    if (column < u.width) { gradK[place * u.width + column] = keySums[i]; }
    if (column < u.depth) { gradV[place * u.depth + column] = valueSums[i]; }
  }`,
});

function uniformsOf(
  q: GpuTensor,
  v: GpuTensor,
  mask: GpuTensor | undefined,
  { scale, causal }: AttentionAttrs,
) {
  const [, heads, rows, width] = q.shape;
  const [, groups, keys, depth] = v.shape;
  const [maskBatches, maskHeads, maskRows] = mask?.shape ?? [0, 0, 0];
  const plane = maskRows * keys;
  return {
    ...{ heads, group: heads / groups, rows, keys, width, depth, scale, causal: causal ? 1 : 0 },
    ...{ kind: mask ? (mask.dtype === 'bool' ? 1 : 4) : 0 },
    ...{ maskBatch: maskBatches > 1 ? maskHeads * plane : 0, maskHead: maskHeads > 1 ? plane : 0 },
    ...{ maskRow: maskRows > 1 ? keys : 0 },
  };
}

/** The first columns of each part of n; one part of none, which makes nothing but the sums. */
function parts(n: number): number[] {
  return Array.from({ length: Math.max(1, Math.ceil(n / columns)) }, (_, i) => i * columns);
}

export const attention: KernelFamily<'attention' | 'attentionBackward'> = (gpu) => ({
  attention({ q, k, v, mask, y, logSum }, attrs) {
    const given = uniformsOf(q, v, mask, attrs);
    const groups = q.shape[0] * given.heads * Math.ceil(given.rows / side);
    if (groups === 0) return;
    // Something must be bound where there is none.
    const buffers = { q, k, v, mask: mask ?? q, y, logSum: logSum ?? gpu.scratch(4) };
    for (const first of parts(given.depth)) {
      const kept = logSum && first === 0 ? 1 : 0;
      gpu.run(forward, buffers, { ...given, groups, first, kept, none: Number.NEGATIVE_INFINITY }, groups);
    }
  },

  attentionBackward({ q, k, v, mask, y, logSum, gradY, gradQ, gradK, gradV }, attrs) {
    const given = uniformsOf(q, v, mask, attrs);
    const all = q.shape[0] * given.heads * given.rows;
    const stats = gpu.scratch(Math.max(1, all) * 8);
    gpu.run(statistics, { y, gradY, logSum, stats }, { all, depth: given.depth }, Math.ceil(all / 64));
    const buffers = { q, k, v, mask: mask ?? q, stats, gradY };
    const rowGroups = q.shape[0] * given.heads * Math.ceil(given.rows / side);
    for (const first of parts(given.width)) {
      gpu.run(ofRows, { ...buffers, gradQ }, { ...given, first, groups: rowGroups }, rowGroups);
    }
    const keyGroups = k.shape[0] * k.shape[1] * Math.ceil(given.keys / side);
    for (const first of parts(Math.max(given.width, given.depth))) {
      gpu.run(ofKeys, { ...buffers, gradK, gradV }, { ...given, first, groups: keyGroups }, keyGroups);
    }
  },
});
