import type { Reporter } from 'vitest/node';

/** A vitest reporter that closes a run with one line: `N passed, N failed`. */
export default class TotalsReporter implements Reporter {
  onTestRunEnd: NonNullable<Reporter['onTestRunEnd']>;
}
