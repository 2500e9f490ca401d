import { describe, expect, test } from 'vitest';
import { parseNpy, parseNpz } from '../src';

/** What NumPy 2.4 writes: `numpy.save(file, array)`, in base64. */
const files = {
  float32:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAACAPwAAAEAAAEBAAACAQAAAoEA=',
  fortran:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAMAAAAAAAAAAQAAAAAAAAAEAAAAAAAAAAIAAAAAAAAABQAAAAAAAAA=',
  bool: 'k05VTVBZAQB2AHsnZGVzY3InOiAnfGIxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAA==',
  scalar:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAEQA==',
  half: 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAPgDA',
  big: 'k05VTVBZAQB2AHsnZGVzY3InOiAnPmk0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAABAAAAAg==',
  text: 'k05VTVBZAQB2AHsnZGVzY3InOiAnPFUxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAphAAAA',
  large:
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAEAAA==',
  savez:
    'UEsDBC0AAAAAAAAAIQCsmP8z//////////8FABQAeC5ucHkBABAAgwAAAAAAAACDAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJ3xpMScsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgzLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAAECUEsDBC0AAAAAAAAAIQCuPFih//////////8FABQAeS5ucHkBABAAiAAAAAAAAACIAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxmNCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgxLCAyKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAAAAAAAAAABQSwECLQMtAAAAAAAAACEArJj/M4MAAACDAAAABQAAAAAAAAAAAAAAgAEAAAAAeC5ucHlQSwECLQMtAAAAAAAAACEArjxYoYgAAACIAAAABQAAAAAAAAAAAAAAgAG6AAAAeS5ucHlQSwUGAAAAAAIAAgBmAAAAeQEAAAAA',
  savez_compressed:
    'UEsDBC0AAAAIAAAAIQCsmP8z//////////8FABQAeC5ucHkBABAAgwAAAAAAAABHAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loF6Taaiuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GsY6mjoKtQoUAC4GRiYAUEsDBC0AAAAIAAAAIQCuPFih//////////8FABQAeS5ucHkBABAAiAAAAAAAAABJAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GoY6CkaaOgq1CmQDLgYoAABQSwECLQMtAAAACAAAACEArJj/M0cAAACDAAAABQAAAAAAAAAAAAAAgAEAAAAAeC5ucHlQSwECLQMtAAAACAAAACEArjxYoUkAAACIAAAABQAAAAAAAAAAAAAAgAF+AAAAeS5ucHlQSwUGAAAAAAIAAgBmAAAA/gAAAAAA',
};

const bytesOf = (name: keyof typeof files) => new Uint8Array(Buffer.from(files[name], 'base64'));

describe('parseNpy', () => {
  test('reads what NumPy writes', () => {
    // numpy.arange(6, dtype=float32).reshape(2, 3)
    const floats = parseNpy(bytesOf('float32'));
    expect([floats.dtype, floats.shape, [...floats.dataSync()]]).toEqual([
      'float32',
      [2, 3],
      [0, 1, 2, 3, 4, 5],
    ]);
    // numpy.asfortranarray(numpy.arange(6).reshape(2, 3))
    const fortran = parseNpy(bytesOf('fortran'));
    expect([fortran.dtype, fortran.shape, [...fortran.dataSync()]]).toEqual([
      'int32',
      [2, 3],
      [0, 1, 2, 3, 4, 5],
    ]);
    const flags = parseNpy(bytesOf('bool'));
    expect([flags.dtype, [...flags.dataSync()]]).toEqual(['bool', [1, 0]]);
    const scalar = parseNpy(bytesOf('scalar'));
    expect([scalar.shape, ...scalar.dataSync()]).toEqual([[], 2.5]);
    expect([...parseNpy(bytesOf('half')).dataSync()]).toEqual([1.5, -2]);
  });

  test.each([
    ['big', /little-endian/],
    ['text', /numbers or booleans/],
    ['large', /fit int32/],
  ] as const)('refuses %s', (name, message) => {
    expect(() => parseNpy(bytesOf(name), { file: 'a.npy' })).toThrow(message);
    expect(() => parseNpy(bytesOf(name), { file: 'a.npy' })).toThrow('a.npy');
  });

  test('refuses every shortening, and other files', () => {
    const whole = bytesOf('float32');
    for (let n = 0; n < whole.length; n++) expect(() => parseNpy(whole.subarray(0, n))).toThrow('npy');
    expect(() => parseNpy(bytesOf('savez'))).toThrow('a NumPy array');
    expect(() => parseNpy('x' as never)).toThrow('Uint8Array');
  });
});

describe('parseNpz', () => {
  test.each(['savez', 'savez_compressed'] as const)('reads what %s writes', (name) => {
    const { x, y } = parseNpz(bytesOf(name));
    expect([x.dtype, [...x.dataSync()]]).toEqual(['int8', [0, 1, 2]]);
    expect([y.dtype, y.shape]).toEqual(['float32', [1, 2]]);
  });

  test('refuses what is no archive', () => {
    expect(() => parseNpz(bytesOf('float32'))).toThrow('a zip archive of NumPy arrays');
  });
});
