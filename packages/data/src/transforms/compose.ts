/** One function that applies `first`, then the others. */
export function compose<A, B>(first: (x: A) => B): (x: A) => B;
export function compose<A, B, C>(first: (x: A) => B, second: (x: B) => C): (x: A) => C;
export function compose<A, B, C, D>(first: (x: A) => B, second: (x: B) => C, third: (x: C) => D): (x: A) => D;
export function compose<A, B, C, D, E>(
  first: (x: A) => B,
  second: (x: B) => C,
  third: (x: C) => D,
  fourth: (x: D) => E,
): (x: A) => E;
export function compose<A>(...steps: ((x: A) => A)[]): (x: A) => A;
export function compose(...steps: ((x: unknown) => unknown)[]): (x: unknown) => unknown {
  return (x) => steps.reduce((value, step) => step(value), x);
}
