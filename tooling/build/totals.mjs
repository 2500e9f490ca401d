import { appendFileSync } from 'node:fs';

/**
 * A vitest reporter that closes a run with one line: `N passed, N failed`, and `, N skipped` where some were.
 * A file or a suite that broke outside its tests counts as one failed test.
 * With OCTET_TOTALS set to a file, the line is added to that file too.
 *
 * @implements {import('vitest/node').Reporter}
 */
export default class TotalsReporter {
  /** @type {import('vitest/node').Reporter['onTestRunEnd']} */
  onTestRunEnd(modules, unhandledErrors) {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      if (module.errors().length > 0) count.failed++;
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) count.failed++;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        count[state === 'pending' ? 'skipped' : state]++;
      }
    }
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
    const line = `${count.passed} passed, ${count.failed} failed${skipped}\n`;
    process.stdout.write(line);
    if (process.env.OCTET_TOTALS) appendFileSync(process.env.OCTET_TOTALS, line);
  }
}
