import { isQuantizedDType, type QuantizedDType, quantRange } from '@octet/backend';
import { fromData, perChannelQParams, perTensorQParams, quantizedTensor, type Tensor } from '@octet/tensor';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FormatError, parseSafetensors, serializeSafetensors } from '../src';

// Names don't end with a backslash: V8 13.6 (Node 24) reads {"a":0,"\"":1} wrong once it has read {"a":0,"\\":1}.
const name = fc
  .oneof(
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.constantFrom('__proto__', 'constructor', 'toString', '0', '', 'conv.weight', '"', '\\a', '\u2028'),
  )
  .filter((s) => !/\p{Surrogate}|\\$/u.test(s));
const shape = fc.array(fc.nat({ max: 4 }), { maxLength: 4 });
const bitsOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const numelOf = (shape: number[]) => shape.reduce((n, d) => n * d, 1);

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int8: Int8Array,
  uint8: Uint8Array,
};

const plain = fc
  .tuple(shape, fc.constantFrom(...(Object.keys(arrays) as (keyof typeof arrays)[])))
  .chain(([shape, dtype]) =>
    bitsOf(numelOf(shape) * arrays[dtype].BYTES_PER_ELEMENT).map((bits) =>
      fromData(new arrays[dtype](bits.slice().buffer), shape),
    ),
  );

const bool = shape.chain((shape) =>
  bitsOf(numelOf(shape)).map((bits) =>
    fromData(
      bits.map((b) => b & 1),
      shape,
      { dtype: 'bool' },
    ),
  ),
);

const scale = fc.double({ min: 2.94e-39, max: 3e38, noNaN: true });
const quantized = fc
  .tuple(shape, fc.constantFrom<QuantizedDType>('quint8', 'qint8', 'qint32'), fc.nat())
  .chain(([shape, dtype, at]) => {
    const [min, max] = quantRange[dtype];
    const zeroPoint = fc.integer({ min, max });
    const axis = shape.length > 0 ? at % shape.length : 0;
    const channels = { minLength: shape[axis], maxLength: shape[axis] };
    const perTensor = fc.tuple(scale, zeroPoint).map((q) => perTensorQParams('test', dtype, ...q));
    const perChannel = fc
      .tuple(fc.array(scale, channels), fc.array(zeroPoint, channels))
      .map((q) => perChannelQParams('test', dtype, ...q, axis));
    const count = numelOf(shape);
    return fc
      .tuple(
        shape.length > 0 ? fc.oneof(perTensor, perChannel) : perTensor,
        fc.array(zeroPoint, { minLength: count, maxLength: count }),
      )
      .map(([qparams, ints]) => quantizedTensor(ints, shape, dtype, qparams));
  });

const state = fc.dictionary(name, fc.oneof(plain, bool, quantized), { maxKeys: 6 });
const metadata = fc.dictionary(
  name,
  fc.string({ unit: 'grapheme' }).filter((s) => !/\p{Surrogate}/u.test(s)),
  { maxKeys: 3 },
);

/** All there is to a tensor, bit for bit. */
function facts(t: Tensor) {
  const { buffer, byteOffset, byteLength } = t.dataSync();
  return {
    dtype: t.dtype,
    shape: t.shape,
    qparams: t.qparams,
    bits: new Uint8Array(buffer, byteOffset, byteLength),
  };
}

const allFacts = (state: Record<string, Tensor>) =>
  Object.entries(state)
    .map(([name, t]) => [name, facts(t)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));

/** Either a refusal, or a file whose every tensor can be read and written again. */
function parsesOrRefuses(bytes: Uint8Array): void {
  try {
    const file = parseSafetensors(bytes);
    const state = file.toStateDict();
    for (const [name, t] of Object.entries(state)) {
      const info = file.info(name);
      expect([t.dtype, t.shape, t.isQuantized]).toEqual([
        info.dtype,
        info.shape,
        info.dtype !== undefined && isQuantizedDType(info.dtype),
      ]);
      expect(info.end).toBeLessThanOrEqual(bytes.length);
    }
    const again = parseSafetensors(serializeSafetensors(state, { metadata: file.metadata }));
    expect(allFacts(again.toStateDict())).toEqual(allFacts(state));
    expect(again.metadata).toEqual(file.metadata);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
}

test('any state dict comes back bit for bit', () => {
  fc.assert(
    fc.property(state, metadata, (state, metadata) => {
      const file = parseSafetensors(serializeSafetensors(state, { metadata }));
      expect(allFacts(file.toStateDict())).toEqual(allFacts(state));
      expect(Object.entries(file.metadata).sort()).toEqual(Object.entries(metadata).sort());
    }),
    { numRuns: 300 },
  );
});

test('any bytes are read or refused', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), parsesOrRefuses), { numRuns: 500 });
});

test('any bytes behind a plausible length are read or refused', () => {
  const withLength = fc
    .tuple(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 220 }))
    .map(([rest, length]) => {
      const file = new Uint8Array(8 + rest.length);
      new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
      file.set(rest, 8);
      return file;
    });
  fc.assert(fc.property(withLength, parsesOrRefuses), { numRuns: 500 });
});

test('any JSON header is read or refused', () => {
  const size = fc.oneof(fc.nat({ max: 8 }), fc.constantFrom(-1, 0.5, 2 ** 31, 2 ** 53, 1e300));
  const entry = fc.record(
    {
      dtype: fc.constantFrom(
        'F32',
        'F64',
        'I8',
        'U8',
        'I32',
        'I64',
        'F16',
        'BF16',
        'BOOL',
        'U16',
        'toString',
      ),
      shape: fc.array(size, { maxLength: 3 }),
      data_offsets: fc.array(size, { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: [] },
  );
  const header = fc.dictionary(fc.oneof(name, fc.constant('__metadata__')), fc.oneof(entry, fc.jsonValue()));
  const file = fc.tuple(header, fc.uint8Array({ maxLength: 40 })).map(([header, data]) => {
    const json = new TextEncoder().encode(JSON.stringify(header));
    const file = new Uint8Array(8 + json.length + data.length);
    new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
    file.set(json, 8);
    file.set(data, 8 + json.length);
    return file;
  });
  fc.assert(fc.property(file, parsesOrRefuses), { numRuns: 1000 });
});

test('a damaged file is read or refused', () => {
  const change = fc.record({
    at: fc.nat(),
    byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(...Buffer.from('0129-"[]{},:.'))),
  });
  const cut = fc.option(fc.nat(), { freq: 4 });
  fc.assert(
    fc.property(
      state,
      metadata,
      fc.array(change, { minLength: 1, maxLength: 4 }),
      cut,
      (state, metadata, changes, cut) => {
        const file = serializeSafetensors(state, { metadata });
        // Mostly in the header, where it matters.
        const headerEnd = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
        for (const { at, byte } of changes) file[at % headerEnd] = byte;
        parsesOrRefuses(cut === null ? file : file.subarray(0, cut % (file.length + 1)));
      },
    ),
    { numRuns: 1500 },
  );
});
