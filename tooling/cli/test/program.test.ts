import { OctetError } from '@octet/backend';
import { Command } from 'commander';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { UsageError } from '../src/errors';
import { type RunOptions, runProgram, withCommands } from '../src/program';

const texts = { op: 'cut', expected: 'a knife', found: 'a spoon', fix: 'Take a knife.' };

const failing = (error: unknown) => () =>
  new Command('cut').option('--deep').action(() => {
    if (error !== undefined) throw error;
  });

async function run(error: unknown, args: string[], options?: RunOptions) {
  const said = vi.spyOn(console, 'error').mockImplementation(() => {});
  said.mockClear();
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
  const program = withCommands(new Command('tool'), '1.2.3', [failing(error)]);
  return { code: await runProgram(program, args, options), said: said.mock.calls.flat() };
}

afterEach(() => vi.restoreAllMocks());

describe('the exit code', () => {
  const failure = new TypeError('broken');
  test.each([
    ['a command that ends', undefined, ['cut'], 0],
    ['--version', undefined, ['--version'], 0],
    ['an option that isn’t there', undefined, ['cut', '--fast'], 2],
    ['a UsageError', new UsageError(texts), ['cut'], 2],
    ['another error of Octet', new OctetError(texts), ['cut'], 1],
    ['any other', failure, ['cut'], 1],
  ])('of %s', async (_, error, args, code) => {
    expect((await run(error, args)).code).toBe(code);
  });

  test('of an error that the program calls a mistake', async () => {
    expect((await run(failure, ['cut'], { mistakes: [TypeError] })).code).toBe(2);
    expect((await run(failure, ['cut'], { mistakes: [RangeError] })).code).toBe(1);
  });

  test('an error of Octet is printed as its message, another whole, unless it is explained', async () => {
    expect((await run(new OctetError(texts), ['cut'])).said.join()).toMatch(
      /error:.* cut: expected a knife, found a spoon/,
    );
    expect((await run(failure, ['cut'])).said).toEqual([failure]);
    expect((await run(failure, ['cut'], { explain: () => 'no room' })).said.join()).toMatch(
      /error:.* no room/,
    );
  });
});
