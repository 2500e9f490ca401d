import { describe, expect, it } from 'vitest';
import * as backend from '../src';
import { ArgumentError, BackendError, FreedError, OctetError, ShapeError } from '../src';

const details = { op: 'relu', expected: 'a tensor', found: 'none', fix: 'Give one.' };

describe('errors', () => {
  it('say all four texts, apart and in the message', () => {
    const error = new ShapeError(details);
    expect(error).toMatchObject(details);
    expect(error.message).toBe('relu: expected a tensor, found none. Give one.');
  });

  it('are Errors and OctetErrors with the name of their class', () => {
    const classes = Object.entries(backend).filter(
      ([name]) => /^[A-Z].*Error$/.test(name) && name !== 'OctetError',
    );
    expect(classes.length).toBeGreaterThan(6);
    for (const [name, Class] of classes as [string, typeof ArgumentError][]) {
      const error = new Class(details);
      expect(error).toBeInstanceOf(Error);
      expect(error).toBeInstanceOf(OctetError);
      expect(error.name).toBe(name);
    }
  });

  it('keep their cause', () => {
    const cause = new TypeError('inside');
    expect(new ArgumentError(details, { cause }).cause).toBe(cause);
  });

  it("can be a backend's own", () => {
    class LostError extends BackendError {
      override readonly name = 'LostError';
    }
    const error = new LostError(details);
    expect(error).toBeInstanceOf(BackendError);
    expect(error.name).toBe('LostError');
  });
});

describe('what backends check in common', () => {
  it('refuses dtypes that are not stored, and says what to do', () => {
    expect(() => backend.requireStorageDType('float32', ['float32'])).not.toThrow();
    expect(() => backend.requireStorageDType('float64', ['float32'])).toThrow(
      'Use the js backend for float64.',
    );
    expect(() => backend.requireStorageDType('quint8' as 'uint8', ['uint8'])).toThrow('storageDType(dtype)');
  });

  it.each([-1, 1.5, 4, Number.NaN])('refuses %d of 3 elements', (length) => {
    expect(() => backend.requireElements('read', { length: 3 }, length)).toThrow(ShapeError);
  });

  it.each([0, 3])('takes %d of 3 elements', (length) => {
    expect(() => backend.requireElements('read', { length: 3 }, length)).not.toThrow();
  });

  it('wants the array of the dtype; bool and uint8 share one', () => {
    expect(() => backend.requireArrayOf({ dtype: 'bool' }, new Uint8Array(1))).not.toThrow();
    expect(() => backend.requireArrayOf({ dtype: 'int8' }, new Uint8Array(1))).toThrow(
      'a Int8Array for a buffer of int8',
    );
  });

  it('tells a stranger from another backend of its kind', () => {
    expect(backend.foreignBufferError('read', 'wasm', true).found).toBe("one of another wasm backend's");
    expect(backend.foreignBufferError('read', 'wasm', false).found).toBe("another backend's");
    expect(backend.freedBufferError('read', { dtype: 'int8', length: 3 })).toBeInstanceOf(FreedError);
  });
});
