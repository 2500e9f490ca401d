import { beforeAll, describe, expect, test, vi } from 'vitest';
import * as own from '../src';

const details = { op: 'op', expected: 'a', found: 'b', fix: 'C.' };
type Copy = typeof own;
const names = [
  'ShapeError',
  'DTypeError',
  'ArgumentError',
  'BackendError',
  'MissingKernelError',
  'FreedError',
  'AutogradError',
  'ModuleError',
  'QuantizationError',
] as const;

const classesOf = (from: Copy) => from as unknown as Record<(typeof names)[number], typeof own.OctetError>;
const ours = classesOf(own);
let theirs: typeof ours;
beforeAll(async () => {
  vi.resetModules();
  theirs = classesOf(await import('../src'));
});

describe.each(names)('%s', (name) => {
  test('has its name, and is an instance of itself and its bases alone', () => {
    const error = new ours[name](details);
    expect(error.name).toBe(name);
    expect(String(error)).toBe(`${name}: op: expected a, found b. C.`);
    expect(names.filter((other) => error instanceof ours[other])).toEqual([name]);
    expect([error instanceof own.OctetError, error instanceof Error]).toEqual([true, true]);
  });

  test('of another copy of the package is one, too', () => {
    const error = new theirs[name](details);
    expect(theirs[name]).not.toBe(ours[name]);
    expect(names.filter((other) => error instanceof ours[other])).toEqual([name]);
    expect(error instanceof own.OctetError).toBe(true);
  });

  test('subclasses are told apart', () => {
    class Mine extends ours[name] {
      override readonly name = 'Mine';
    }
    class Theirs extends theirs[name] {}
    expect(new ours[name](details) instanceof Mine).toBe(false);
    expect(new Theirs(details) instanceof Mine).toBe(false);
    expect(new Mine(details) instanceof Mine).toBe(true);
    expect(new Theirs(details) instanceof ours[name]).toBe(true);
    expect(new Mine(details).name).toBe('Mine');
  });
});

test('nothing else is an instance', () => {
  const fake = Object.assign(new Error('x'), { name: 'ShapeError' });
  for (const value of [undefined, null, 1, {}, Object.create(null), new Error('x'), fake])
    expect(value instanceof own.ShapeError).toBe(false);
});

test('a module is named in message and stack', () => {
  const error = new own.ShapeError({ ...details, found: '$& b: expected' });
  error.placeIn('layers.0', 'Linear');
  expect(error.message).toBe('op in layers.0 (Linear): expected a, found $& b: expected. C.');
  expect(error.stack).toMatch(/^ShapeError: op in layers\.0|^Error: op in layers\.0/);
  error.placeIn('net.layers.0', 'Linear');
  expect(error.message).toBe('op in net.layers.0 (Linear): expected a, found $& b: expected. C.');
  expect(error.module).toEqual({ path: 'net.layers.0', type: 'Linear' });
});
