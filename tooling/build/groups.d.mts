import type { Reporter } from 'vitest/node';

/**
 * A vitest reporter that closes a run with a table, `group  passed/total` and why tests were left out, and the totals. The groups are
 * the outermost `describe`s of the files.
 */
export default class GroupsReporter implements Reporter {
  /** Whether the file has groups for the table: all have, unless a class that extends this one says otherwise. */
  protected hasGroups(file: string): boolean;
  onTestRunEnd: NonNullable<Reporter['onTestRunEnd']>;
}
