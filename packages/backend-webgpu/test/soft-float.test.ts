import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findAdapter, requestDevice } from '../src/adapter';
import { Gpu } from '../src/gpu';
import { program } from '../src/program';
import { softFloat } from '../src/wgsl/soft-float';
import { noGpu } from './adapter';

const count = 100_000;
const results = 12;

const probe = program({
  name: 'soft float',
  inputs: { a: 'u32', b: 'u32', p: 'u32', q: 'u32' },
  outputs: { found: 'u32' },
  uniforms: { count: 'u32' },
  workgroup: [64],
  include: [softFloat],
  code: /* wgsl */ `
fn keep(at: u32, value: F64) {
  found[at] = value.x;
  found[at + 1u] = value.y;
}
`,
  main: `
  if (index >= u.count) { return; }
  let x = F64(p[2u * index], p[2u * index + 1u]);
  let y = F64(q[2u * index], q[2u * index + 1u]);
  let at = ${results}u * index;
  keep(at, f64Add(x, y));
  keep(at + 2u, f64Sub(x, y));
  keep(at + 4u, f64Div(x, y));
  keep(at + 6u, pack(unpackBits(a[index])));
  found[at + 8u] = f64ToBits(x);
  found[at + 9u] = bitcast<u32>(f64Rint(x));
  found[at + 10u] = select(0u, 1u, f64Less(x, y));
  found[at + 11u] = divBits(a[index], b[index]);`,
});

const singles = [
  0,
  1,
  2 ** -149,
  2 ** -126,
  2 ** -126 - 2 ** -149,
  1 - 2 ** -24,
  1 + 2 ** -23,
  127.5,
  255,
  (2 - 2 ** -23) * 2 ** 127,
  Infinity,
].flatMap((v) => [v, -v]);
const doubles = [
  0,
  1,
  2 ** -1074,
  2 ** -1022,
  2 ** -1022 - 2 ** -1074,
  1 - 2 ** -53,
  1 + 2 ** -52,
  0.5,
  1.5,
  2.5,
  2.5 - 2 ** -51,
  // Ties, and next to them, of float32 and int32, where there is a next.
  1 + 2 ** -24,
  1 + 2 ** -24 + 2 ** -52,
  2 ** 31 - 0.5,
  2 ** 31,
  2 ** 128 - 2 ** 103,
  2 ** 128 - 2 ** 104,
  2 ** -150,
  2 ** -150 * (1 + 2 ** -52),
  Number.MAX_VALUE,
].flatMap((v) => [v, -v]);

/** mulberry32 */
function words(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** All pairs of the special values, then pairs of random bits: any at all, or of exponents near one another. */
function pairs<T extends Float32Array | Float64Array>(make: () => T, special: readonly number[]): [T, T] {
  const next = words(7);
  const [a, b] = [make(), make()];
  for (const x of [a, b]) {
    const bits = new Uint32Array(x.buffer);
    for (let i = 0; i < bits.length; i++) bits[i] = next();
    const wide = x.BYTES_PER_ELEMENT === 8;
    for (let i = 0; i < count; i++) {
      const high = wide ? 2 * i + 1 : i;
      if (i % 2 === 0) {
        const exponent = wide ? (1003 + (next() % 60)) << 20 : (117 + (next() % 20)) << 23;
        bits[high] = (bits[high] & (wide ? 0x800fffff : 0x807fffff)) | exponent;
      }
      // Doubles are finite.
      if (wide && !Number.isFinite(x[i])) bits[high] &= 0xbfffffff;
    }
  }
  special.forEach((x, i) => {
    special.forEach((y, j) => {
      a[i * special.length + j] = x;
      b[i * special.length + j] = y;
    });
  });
  return [a, b];
}

describe.skipIf(noGpu)('floats by integers', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    const device = await requestDevice(await findAdapter(undefined));
    gpu = new Gpu(device, { dotProduct: false, maxIdleBytes: 0, ownsDevice: true });
  });
  afterAll(() => gpu?.dispose());

  test('are the same bits as JavaScript computes', async () => {
    const [a, b] = pairs(() => new Float32Array(count), singles);
    const [p, q] = pairs(() => new Float64Array(count), doubles);
    const put = (data: Float32Array | Float64Array) => {
      const buffer = gpu.allocate('int32', data.byteLength / 4);
      gpu.write(buffer, new Int32Array(data.buffer));
      return buffer;
    };
    const found = gpu.allocate('int32', results * count);
    const inputs = { a: put(a), b: put(b), p: put(p), q: put(q) };
    gpu.run(probe, { ...inputs, found }, { count }, Math.ceil(count / 64));
    const view = new DataView((await gpu.read(found, results * count)).buffer);

    const f64 = (at: number) => view.getFloat64(4 * at, true);
    const f32 = (at: number) => view.getFloat32(4 * at, true);
    const largest = 2 ** 31 - 1;
    const wrong: unknown[] = [];
    for (let i = 0; i < count; i++) {
      const at = results * i;
      const rounded = p[i] + 1.5 * 2 ** 52 - 1.5 * 2 ** 52;
      const checks: Record<string, [found: number, expected: number]> = {
        add: [f64(at), p[i] + q[i]],
        sub: [f64(at + 2), p[i] - q[i]],
        div: q[i] === 0 ? [0, 0] : [f64(at + 4), p[i] / q[i]],
        from: Number.isFinite(a[i]) ? [f64(at + 6), a[i]] : [0, 0],
        to: [f32(at + 8), Math.fround(p[i])],
        rint: [view.getInt32(4 * at + 36, true), Math.max(-largest, Math.min(largest, rounded)) + 0],
        less: [
          view.getInt32(4 * at + 40, true),
          Number(p[i] < q[i] || (Object.is(p[i], -0) && Object.is(q[i], 0))),
        ],
        div32: [f32(at + 11), Math.fround(a[i] / b[i])],
      };
      for (const [name, [got, expected]] of Object.entries(checks)) {
        if (!Object.is(got, expected))
          wrong.push({ name, got, expected, a: a[i], b: b[i], p: p[i], q: q[i] });
      }
    }
    expect(wrong.slice(0, 5)).toEqual([]);
  });
});
