import { describe, expect, test } from 'vitest';
import { FormatError, parseSafetensors } from '../src';
import { fileOf, refusal, refusalOf } from './helpers';

const u8 = (shape: unknown, data_offsets: unknown) => ({ dtype: 'U8', shape, data_offsets });

describe('the length of the header', () => {
  test.each([0, 1, 7])('is refused in a file of %i bytes', (n) => {
    expect(refusal(() => parseSafetensors(new Uint8Array(n))).field).toBe('header length');
  });

  test.each([3, 100_000_001, 2n ** 53n + 1n, 2n ** 64n - 1n])('is refused as %s', (length) => {
    expect(refusalOf('{}', [], length).field).toBe('header length');
  });
});

describe('the header', () => {
  test.each([
    ['nothing', ''],
    ['an array', '[]'],
    ['null', 'null'],
    ['a string', '"{}"'],
    ['a number', '1'],
    ['a space before it', ' {}'],
    ['a byte order mark', '\ufeff{}'],
    ['half an object', '{"a":'],
    ['two objects', '{}{}'],
    ['a trailing comma', '{"a":1,}'],
    ['NUL bytes after it', '{}\0\0'],
  ])('is refused as %s', (_, header) => {
    expect(refusalOf(header).field).toBe('header');
  });

  test('is refused if it is no UTF-8', () => {
    const header = Uint8Array.from([...'{"?":1}'].map((c) => (c === '?' ? 0xff : c.charCodeAt(0))));
    const error = refusalOf(header);
    expect([error.field, error.expected]).toEqual(['header', 'header in m.safetensors to be UTF-8']);
  });

  test('is refused if it is cut short', () => {
    const file = fileOf({ a: u8([2], [0, 2]) }, [1, 2]);
    for (let n = 0; n < file.length; n++)
      expect(refusal(() => parseSafetensors(file.subarray(0, n)))).toBeInstanceOf(FormatError);
  });

  test.each([
    [
      'tensors',
      '{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}',
    ],
    [
      'escaped names',
      '{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"\\u0061" :{"dtype":"U8","shape":[],"data_offsets":[0,1]}}',
    ],
    ['fields', '{"a":{"dtype":"U8","shape":[7],"shape":[],"data_offsets":[0,1]}}'],
    ['metadata', '{"__metadata__":{"k":"1","k":"2"},"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}'],
    [
      'metadata objects',
      '{"__metadata__":{},"__metadata__":{},"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}',
    ],
  ])('is refused with %s of one name', (_, header) => {
    const error = refusalOf(header, [1]);
    expect(error.field).toBe('header');
    expect(error.found).toMatch(/twice/);
  });

  test('may hold equal names in different objects, and texts that look like names', () => {
    const header =
      '{"__metadata__":{"a":"\\"a\\":","k":"k"},"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"a":[{"a":1},{"a":1}]}}';
    expect(parseSafetensors(fileOf(header, [1])).names()).toEqual(['a']);
  });

  test('may be nested deeply without harm', () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    expect(refusalOf(`{"a":${deep}}`).field).toBe('"a"');
    expect(refusalOf(`{"a":{"dtype":"U8","shape":${deep},"data_offsets":[0,1]}}`, [1]).field).toBe(
      '"a".shape',
    );
  });

  test('never floods the message', () => {
    const long = 'x'.repeat(1e6);
    for (const header of [
      `{"${long}":1}`,
      long,
      { a: { dtype: long } },
      { a: { dtype: 'U8', shape: [long] } },
    ])
      expect(refusalOf(header).message.length).toBeLessThan(400);
    const shape = new Array(100_000).fill(3);
    expect(refusalOf({ a: u8(shape, [0, 1]) }, [1]).message.length).toBeLessThan(400);
  });
});

describe('metadata', () => {
  test.each([[null], [[]], ['x'], [1]])('is refused as %j', (metadata) => {
    expect(refusalOf({ __metadata__: metadata }).field).toBe('__metadata__');
  });

  test('is refused if it holds more than strings', () => {
    expect(refusalOf({ __metadata__: { a: 'x', b: 1 } }).field).toBe('__metadata__["b"]');
    expect(refusalOf({ __metadata__: { b: null } }).field).toBe('__metadata__["b"]');
  });
});

describe('a tensor', () => {
  test.each([[null], [1], ['x'], [[]], [true]])('is refused as %j', (entry) => {
    expect(refusalOf({ a: entry }).field).toBe('"a"');
  });

  test.each([['F8_E4M3'], ['f32'], ['toString'], ['__proto__'], [''], [1], [null], [undefined], [['F32']]])(
    'is refused with dtype %j',
    (dtype) => {
      expect(refusalOf({ a: { dtype, shape: [1], data_offsets: [0, 1] } }, [1]).field).toBe('"a".dtype');
    },
  );

  test.each([
    ['-1', '[-1]'],
    ['-0', '[-0]'],
    ['a fraction', '[1.5]'],
    ['infinity', '[1e400]'],
    ['more than a double counts', '[9007199254740993]'],
    ['a text', '["1"]'],
    ['null', '[null]'],
    ['a list', '[[1]]'],
    ['no list', '1'],
    ['an object', '{"length":0}'],
    ['a product that overflows', '[4294967296,4294967296]'],
    ['a product that overflows on the way to 0', '[4294967296,4294967296,0]'],
  ])('is refused with %s in its shape', (_, shape) => {
    const error = refusalOf(`{"a":{"dtype":"F32","shape":${shape},"data_offsets":[0,4]}}`, [0, 0, 0, 0]);
    expect(error.field).toBe('"a".shape');
  });

  test.each([
    ['out of order', [1, 0]],
    ['negative', [-1, 0]],
    ['fractions', [0, 1.5]],
    ['one', [1]],
    ['three', [0, 1, 1]],
    ['texts', ['0', '1']],
    ['no list', 1],
    ['missing', undefined],
    ['of another size', [0, 2]],
    ['after a gap', [1, 2]],
    ['beyond what doubles count', [2 ** 53, 2 ** 53 + 2]],
    ['far out of range', [2 ** 50, 2 ** 50 + 1]],
  ])('is refused with offsets %s', (_, offsets) => {
    expect(refusalOf({ a: u8([1], offsets) }, [1, 2]).field).toBe('"a".data_offsets');
  });

  test('is refused if it overlaps another', () => {
    expect(refusalOf({ a: u8([2], [0, 2]), b: u8([2], [1, 3]) }, [1, 2, 3]).field).toBe('"b".data_offsets');
    expect(refusalOf({ a: u8([2], [0, 2]), b: u8([2], [0, 2]) }, [1, 2]).field).toBe('"b".data_offsets');
  });

  test('is refused after a gap, and an empty one out of place', () => {
    expect(refusalOf({ a: u8([1], [0, 1]), b: u8([1], [2, 3]) }, [1, 2, 3]).field).toBe('"b".data_offsets');
    expect(refusalOf({ a: u8([2], [0, 2]), b: u8([0], [1, 1]) }, [1, 2]).field).toBe('"b".data_offsets');
  });

  test('is refused if the data is shorter or longer', () => {
    expect(refusalOf({ a: u8([2], [0, 2]) }, [1]).field).toBe('data');
    expect(refusalOf({ a: u8([2], [0, 2]) }, [1, 2, 3]).field).toBe('data');
    expect(refusalOf({}, [1]).field).toBe('data');
  });

  test('is refused with half a surrogate pair as its name', () => {
    const header = '{"\\ud800":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}';
    expect(refusalOf(header, [1]).found).toBe('half a surrogate pair');
  });
});

describe('scales and zero points', () => {
  const i8 = { dtype: 'I8', shape: [2, 3], data_offsets: [0, 6] };
  const described = (table: unknown) =>
    refusalOf(
      {
        __metadata__: { 'octet.quantized': typeof table === 'string' ? table : JSON.stringify(table) },
        w: i8,
      },
      [0, 1, 2, 3, 4, 5],
    ).field;
  const entry = (fields: object) => described({ w: { dtype: 'qint8', ...fields } });
  const name = 'octet.quantized';

  test.each(['', '{', 'null', '[]', '"w"', '{"w":{},"w":{}}', '{}{}'])('are refused as %j', (json) => {
    expect(described(json)).toBe(name);
  });

  test('are refused for a tensor that is not there', () => {
    expect(described({ v: { dtype: 'qint8', scale: 1, zeroPoint: 0 } })).toBe(`${name} "v"`);
    expect(described({ toString: { dtype: 'qint8', scale: 1, zeroPoint: 0 } })).toBe(`${name} "toString"`);
  });

  test.each([[null], [1], [[]]])('are refused as %j', (value) => {
    expect(described({ w: value })).toBe(`${name} "w"`);
  });

  test.each([['int8'], ['toString'], ['quint8'], ['qint32'], [undefined], [1]])(
    'are refused with dtype %j',
    (dtype) => {
      expect(described({ w: { dtype, scale: 1, zeroPoint: 0 } })).toBe(`${name} "w".dtype`);
    },
  );

  test('need a scale and a zero point', () => {
    expect(entry({ zeroPoint: 0 })).toBe(`${name} "w".scale`);
    expect(entry({ scale: '1', zeroPoint: 0 })).toBe(`${name} "w".scale`);
    expect(entry({ scale: 1 })).toBe(`${name} "w".zeroPoint`);
    // NaN in JSON.
    expect(entry({ scale: null, zeroPoint: 0 })).toBe(`${name} "w".scale`);
  });

  test.each([
    { scale: 0, zeroPoint: 0 },
    { scale: -1, zeroPoint: 0 },
    { scale: 1e-60, zeroPoint: 0 },
    { scale: 1e60, zeroPoint: 0 },
    { scale: 1, zeroPoint: 128 },
    { scale: 1, zeroPoint: -129 },
    { scale: 1, zeroPoint: 0.5 },
    { axis: 0, scales: [1, 0], zeroPoints: [0, 0] },
    { axis: 0, scales: [1, -1], zeroPoints: [0, 0] },
    { axis: 0, scales: [1, 1], zeroPoints: [0, 128] },
  ])('are refused as %j', (fields) => {
    expect(entry(fields)).toBe(`${name} "w"`);
  });

  test('are refused as infinite', () => {
    expect(described('{"w":{"dtype":"qint8","scale":1e400,"zeroPoint":0}}')).toBe(`${name} "w"`);
    expect(described('{"w":{"dtype":"qint8","scale":1,"zeroPoint":1e400}}')).toBe(`${name} "w"`);
  });

  test.each([[2], [-1], [0.5], ['0'], ['length'], [null], [1e9]])('are refused for axis %j', (axis) => {
    expect(entry({ axis, scales: [1, 1], zeroPoints: [0, 0] })).toBe(`${name} "w".axis`);
  });

  test('are refused in the wrong number', () => {
    expect(entry({ axis: 0, scales: [1], zeroPoints: [0, 0] })).toBe(`${name} "w".scales`);
    expect(entry({ axis: 0, scales: { length: 2 }, zeroPoints: [0, 0] })).toBe(`${name} "w".scales`);
    expect(entry({ axis: 0, scales: [1, null], zeroPoints: [0, 0] })).toBe(`${name} "w".scales`);
    expect(entry({ axis: 0, zeroPoints: [0, 0] })).toBe(`${name} "w".scales`);
    expect(entry({ axis: 0, scales: [1, 1], zeroPoints: null })).toBe(`${name} "w".zeroPoints`);
    expect(entry({ axis: 1, scales: [1, 1, 1], zeroPoints: [0, 0] })).toBe(`${name} "w".zeroPoints`);
  });
});

describe('scales in base64', () => {
  const scales = (text: unknown) =>
    refusalOf(
      {
        __metadata__: { 'octet.quantized': JSON.stringify({ w: { dtype: 'qint8', axis: 0, scales: text } }) },
        w: { dtype: 'I8', shape: [2], data_offsets: [0, 2] },
      },
      [0, 1],
    ).field;
  const base64 = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer).toString('base64');

  test.each([
    [''],
    ['AAAA'],
    [base64(1)],
    [base64(1, 1, 1)],
    [base64(1, 1).slice(1)],
    [`${base64(1, 1)}=`],
    [base64(1, 1).replace('A', '!')],
    [base64(1, 1).replace('=', 'A')],
    // Bits past the last byte.
    ['AACAPwAAgD9='],
    [`${base64(1, 1)} `],
  ])('are refused as %j', (text) => {
    expect(scales(text)).toBe('octet.quantized "w".scales');
  });

  test.each([
    [0, 1],
    [1, Number.NaN],
    [Number.POSITIVE_INFINITY, 1],
    [1, -1],
  ])('are refused as %d, %d', (a, b) => {
    expect(scales(base64(a, b))).toBe('octet.quantized "w"');
  });
});

test('a refusal names the file and the field', () => {
  const error = refusalOf({ 'conv.weight': u8([-1], [0, 1]) }, [1]);
  expect(error).toMatchObject({ name: 'FormatError', file: 'm.safetensors', field: '"conv.weight".shape' });
  expect(error.message).toBe(
    'safetensors: expected "conv.weight".shape in m.safetensors to be a list of whole numbers >= 0, found [-1]. ' +
      'The file is damaged or of another kind: get it again, or convert it.',
  );
});
