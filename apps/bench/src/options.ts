import { numel } from '@octet/backend';
import { UsageError } from '@octet/cli/errors';
import { InvalidArgumentError, Option } from 'commander';
import { backendNames } from './backends';
import { most } from './compare/plan';
import { modelNames, oldModelNames } from './model-sizes';

interface Range {
  min?: number;
  max?: number;
}

function parseNumber(kind: string, isKind: (n: number) => boolean, { min = 0, max }: Range) {
  const range = max === undefined ? `${kind} >= ${min}` : `${kind} from ${min} to ${max}`;
  return (text: string): number => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (isKind(value) && value >= min && value <= (max ?? Number.POSITIVE_INFINITY)) return value;
    throw new InvalidArgumentError(`It must be a ${range}.`);
  };
}

/** For an option that takes a whole number. */
export const whole = (range: Range = {}) => parseNumber('whole number', Number.isInteger, range);

/** For an option that takes any number. */
export const number = (range: Range = {}) => parseNumber('number', Number.isFinite, range);

/** For an option that takes several values, separated by commas; each once. */
export const list =
  <T>(parse: (text: string) => T) =>
  (text: string): T[] => [...new Set(text.split(',').map((part) => parse(part.trim())))];

/** For an option that takes one of some names, or an old one of them. */
export const oneOf =
  <T extends string>(names: readonly T[], oldNames?: ReadonlyMap<string, T>) =>
  (text: string): T => {
    const found = names.find((name) => name === text) ?? oldNames?.get(text);
    if (found) return found;
    throw new InvalidArgumentError(`Allowed are ${names.join(', ')}.`);
  };

export const threadCount = whole({ min: 1, max: most.threads });

/** The most numbers that the images of one call may have: a quarter of a gigabyte, and layers make it several times as much. */
const mostNumbers = 2 ** 26;

/** Before the work rather than after it. @throws UsageError for images, or matrices, that no memory holds */
export function checkNumbers(op: string, shape: readonly number[]): void {
  if (numel(shape) <= mostNumbers) return;
  throw new UsageError({
    op,
    expected: `at most ${mostNumbers.toLocaleString('en-US')} numbers at once`,
    found: shape.map((n) => n.toLocaleString('en-US')).join(' × '),
    fix: 'Take less at once.',
  });
}

/** Options that several commands share. */
export const modelOption = (names: readonly string[] = modelNames) =>
  new Option('--model <name>', `the network: ${names.join(', ')}`).argParser(oneOf(names, oldModelNames));

export const backendOption = () =>
  new Option(
    '--backend <name>',
    `what computes: ${backendNames.join(', ')}, or the path or package name of a module that exports a backend`,
  ).default('wasm');

export const threadsOption = () =>
  new Option('--threads <n>', 'threads of the backend').default(1).argParser(threadCount);

export const jsonOption = () =>
  new Option('--json <file>', 'write the results to a JSON file too; - is standard output');
