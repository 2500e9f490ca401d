import { Tensor } from '@octet/tensor';
import fc from 'fast-check';
import { test } from 'vitest';
import { FormatError, type PtValue, parsePt } from '../src';
import { fixture, ptFile } from './pt-helpers';

const small = ['checkpoint', 'int8_linear', 'misc', 'int8_per_channel'].map(fixture);

/** Either a refusal, or a value whose every tensor can be read. */
function parsesOrRefuses(bytes: Uint8Array): void {
  let value: PtValue;
  try {
    value = parsePt(bytes);
  } catch (error) {
    if (error instanceof FormatError) return;
    throw error;
  }
  readAll(value, new Set());
}

function readAll(value: PtValue, seen: Set<PtValue>): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  if (value instanceof Tensor) {
    // A view may repeat a few elements without end, for as long as nobody reads them.
    if (value.numel < 1e5) value.dataSync();
  } else
    for (const child of value instanceof Map ? value.values() : Object.values(value)) readAll(child, seen);
}

const change = fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }) });
const changes = fc.array(change, { minLength: 1, maxLength: 4 });

/** Where a text lies in a file. */
const find = (file: Uint8Array, what: string) =>
  Buffer.from(file.buffer, file.byteOffset, file.length).indexOf(what, 0, 'latin1');

test('any bytes are read or refused', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), parsesOrRefuses), { numRuns: 300 });
});

test('a file with a damaged pickle is read or refused', () => {
  fc.assert(
    fc.property(fc.constantFrom(...small), changes, (original, changes) => {
      const file = original.slice();
      // The pickle lies at byte 64, where torch.save aligns it, and ends where the first storage's header begins.
      const end = find(file, '.PK\x07\x08');
      for (const { at, byte } of changes) file[64 + (at % (end - 64))] = byte;
      parsesOrRefuses(file);
    }),
    { numRuns: 2000 },
  );
});

test('a file with a damaged archive is read or refused', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...small),
      changes,
      fc.option(fc.nat(), { freq: 4 }),
      (original, changes, cut) => {
        const file = original.slice();
        const directory = find(file, 'PK\x01\x02');
        for (const { at, byte } of changes) file[directory + (at % (file.length - directory))] = byte;
        parsesOrRefuses(cut === null ? file : file.subarray(0, cut % (file.length + 1)));
      },
    ),
    { numRuns: 1000 },
  );
});

test('parts of pickles in any order are read or refused', () => {
  const parts = [
    ...'()]}Nt\x85\x86\x87aeusRbQ.\x88\x89\x94\x93',
    ...['K\x00', 'K\x01', 'K\x02', 'J\xff\xff\xff\xff', '\x8a\x01\x05', 'G@\x00\x00\x00\x00\x00\x00\x00'],
    ...['q\x00', 'q\x01', 'q\x02', 'h\x00', 'h\x01', 'h\x02', '\x8c\x010', '\x8c\x07storage', '\x8c\x03cpu'],
    ...['FloatStorage', 'QInt8Storage', 'per_tensor_affine', 'Size'].map((name) => `ctorch\n${name}\n`),
    ...['tensor_v2', 'qtensor', 'parameter'].map((name) => `ctorch._utils\n_rebuild_${name}\n`),
    'ccollections\nOrderedDict\n',
    '(\x8c\x07storagectorch\nFloatStorage\n\x8c\x010\x8c\x03cpuK\x02tQ',
    '(\x8c\x07storagectorch\nQInt8Storage\n\x8c\x011\x8c\x03cpuK\x02tQ',
    'K\x00K\x01\x85K\x01\x85\x89N',
  ];
  const storages = { 0: Float32Array.of(1, 2), 1: Int8Array.of(1, 2) };
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts), { maxLength: 30 }), (code) =>
      parsesOrRefuses(ptFile(`${code.join('')}.`, storages)),
    ),
    { numRuns: 2000 },
  );
});
