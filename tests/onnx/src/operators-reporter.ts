import TotalsReporter from '@octet/build/totals';
import type { Reporter, TestSuite } from 'vitest/node';

type RunEnd = NonNullable<Reporter['onTestRunEnd']>;

/** Closes a run with a table, `operator  passed/total` (and why cases were left out), and the totals. */
export default class OperatorsReporter implements Reporter {
  private readonly totals = new TotalsReporter();

  onTestRunEnd(...[modules, ...rest]: Parameters<RunEnd>): void {
    const groups = modules.flatMap((module) => [...module.children.suites()]);
    const width = Math.max(0, ...groups.map(({ name }) => name.length));
    process.stdout.write('\n');
    for (const group of groups) process.stdout.write(`${group.name.padEnd(width)}  ${score(group)}\n`);
    this.totals.onTestRunEnd(modules, ...rest);
  }
}

function score(group: TestSuite): string {
  const results = [...group.children.allTests()].map((test) => test.result());
  const passed = results.filter(({ state }) => state === 'passed').length;
  const notes = new Set(results.map((result) => (result.state === 'skipped' ? result.note : undefined)));
  notes.delete(undefined);
  return `${passed}/${results.length}${notes.size > 0 ? `  left out: ${[...notes].join(', ')}` : ''}`;
}
