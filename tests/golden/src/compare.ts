import { Tensor } from '@octet/tensor';
import type { HostTensor } from './fixture';

/** How far a result may be from the stored one. Infinities and NaN equal only themselves, under every rule. */
export type Rule =
  /** Equal, element for element. */
  | 'exact'
  /**
   * `|got - expected| <= atol + rtol * |expected|`; at most the fraction `max_outlier_fraction` of the elements may miss
   * that, and those must be within `outlier_atol`.
   */
  | {
      readonly atol: number;
      readonly rtol: number;
      readonly max_outlier_fraction?: number;
      readonly outlier_atol?: number;
    }
  /** At most the fraction `max_fraction` of the integers differ, each by at most `max_int_diff`. */
  | { readonly max_int_diff: number; readonly max_fraction: number };

/** A result with a shape that isn't a tensor. */
export interface HostLike {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** What a handler may hand back for one tensor; numbers alone are compared without a shape. */
export type Output = Tensor | HostLike | ArrayLike<number> | number;

/** By the names of the expected tensors without `out.`. */
export type Outputs = Readonly<Record<string, Output>>;

/** The rule of an expected tensor. @throws Error if the index has none. */
export function ruleFor(rules: Readonly<Record<string, Rule>>, name: string): Rule {
  const rule = rules[`out.${name}`] ?? rules['*'];
  if (!rule) throw new Error(`the index has no tolerance for 'out.${name}'`);
  return rule;
}

/** One line for each expected tensor that is missing or off; none if all is well. */
export async function compareOutputs(
  got: Outputs,
  expected: Readonly<Record<string, HostTensor>>,
  rules: Readonly<Record<string, Rule>>,
  relaxed: Readonly<Record<string, Rule>> = {},
): Promise<string[]> {
  const problems: string[] = [];
  for (const [name, want] of Object.entries(expected)) {
    const output = got[name];
    if (output === undefined) {
      problems.push(`${name}: not produced`);
      continue;
    }
    const found = await toHost(output);
    const problem = compare(found, want, ruleFor(rules, name));
    if (!problem) continue;
    const second = relaxed[`out.${name}`];
    const note = second && !compare(found, want, second) ? ' (the relaxed tolerance holds)' : '';
    problems.push(`${name}: ${problem}${note}`);
  }
  return problems;
}

interface Found {
  readonly shape: readonly number[] | undefined;
  readonly data: ArrayLike<number>;
}

async function toHost(output: Output): Promise<Found> {
  if (output instanceof Tensor) return { shape: output.shape, data: await output.data() };
  if (typeof output === 'number') return { shape: [], data: [output] };
  if ('data' in output) return output;
  return { shape: undefined, data: output };
}

/** What is wrong with a result, or undefined. */
export function compare(got: Found, expected: HostTensor, rule: Rule): string | undefined {
  const n = expected.data.length;
  if (!shapesAgree(got, expected)) {
    const found = got.shape ? `[${got.shape}]` : `${got.data.length} numbers`;
    return `expected shape [${expected.shape}], got ${found}`;
  }
  const { within, allowed, withinOutlier } = limits(rule);
  let misses = 0;
  let first = -1;
  let beyond = -1;
  let worst = 0;
  for (let i = 0; i < n; i++) {
    const g = got.data[i];
    const e = expected.data[i];
    if (Object.is(g, e) || g === e || within(g, e)) continue;
    misses++;
    if (first < 0) first = i;
    if (beyond < 0 && !withinOutlier(g, e)) beyond = i;
    worst = Math.max(worst, Number.isFinite(g - e) ? Math.abs(g - e) : Number.POSITIVE_INFINITY);
  }
  if (beyond < 0 && misses <= allowed * n) return undefined;
  const at = beyond < 0 ? first : beyond;
  return (
    `expected ${expected.data[at]}, got ${got.data[at]} at ${place(at, expected.shape)}; ` +
    `${misses} of ${n} miss, worst by ${worst} (${JSON.stringify(rule)})`
  );
}

/** Shapes are equal, if there is one to compare; but a tensor of one element may be [] or [1]. */
function shapesAgree({ shape, data }: Found, expected: HostTensor): boolean {
  if (data.length !== expected.data.length) return false;
  if (!shape || (shape.length <= 1 && expected.shape.length <= 1)) return true;
  return shape.length === expected.shape.length && shape.every((d, i) => d === expected.shape[i]);
}

interface Limits {
  /** Whether an element is right. Only asked about elements that differ. */
  within(got: number, expected: number): boolean;
  /** The fraction of the elements that needn't be. */
  allowed: number;
  /** Whether such an element may be that far off. */
  withinOutlier(got: number, expected: number): boolean;
}

const never = () => false;

function limits(rule: Rule): Limits {
  if (rule === 'exact') return { within: never, allowed: 0, withinOutlier: never };
  if ('max_int_diff' in rule) {
    return {
      within: never,
      allowed: rule.max_fraction,
      withinOutlier: (g, e) => Math.abs(g - e) <= rule.max_int_diff,
    };
  }
  const { atol, rtol, max_outlier_fraction = 0, outlier_atol } = rule;
  return {
    within: (g, e) => Number.isFinite(e) && Math.abs(g - e) <= atol + rtol * Math.abs(e),
    allowed: max_outlier_fraction,
    withinOutlier: (g, e) => outlier_atol !== undefined && Math.abs(g - e) <= outlier_atol,
  };
}

function place(index: number, shape: readonly number[]): string {
  const position: number[] = [];
  for (let i = shape.length - 1; i >= 0; i--) {
    position.unshift(index % shape[i]);
    index = Math.floor(index / shape[i]);
  }
  return `[${position}]`;
}
