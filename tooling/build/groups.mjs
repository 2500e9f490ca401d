import TotalsReporter from './totals.mjs';

/**
 * A vitest reporter that closes a run with a table, `group  passed/total` and why tests were left out, and the totals. The groups are
 * the outermost `describe`s of the files.
 *
 * @implements {import('vitest/node').Reporter}
 */
export default class GroupsReporter {
  totals = new TotalsReporter();

  /**
   * Whether the file has groups for the table: all have, unless a class that extends this one says otherwise.
   *
   * @param {string} _file
   * @returns {boolean}
   */
  hasGroups(_file) {
    return true;
  }

  /** @type {NonNullable<import('vitest/node').Reporter['onTestRunEnd']>} */
  onTestRunEnd(modules, ...rest) {
    const groups = modules
      .filter(({ moduleId }) => this.hasGroups(moduleId))
      .flatMap((module) => [...module.children.suites()]);
    const width = Math.max(0, ...groups.map(({ name }) => name.length));
    process.stdout.write('\n');
    for (const group of groups) process.stdout.write(`${group.name.padEnd(width)}  ${score(group)}\n`);
    this.totals.onTestRunEnd(modules, ...rest);
  }
}

/** @param {import('vitest/node').TestSuite} group */
function score(group) {
  const results = [...group.children.allTests()].map((test) => test.result());
  const passed = results.filter(({ state }) => state === 'passed').length;
  const notes = new Set(results.map((result) => (result.state === 'skipped' ? result.note : undefined)));
  notes.delete(undefined);
  return `${passed}/${results.length}${notes.size > 0 ? `  left out: ${[...notes].join(', ')}` : ''}`;
}
