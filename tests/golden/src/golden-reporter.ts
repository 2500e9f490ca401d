import GroupsReporter from '@octet/build/groups';

/** The table of the golden groups; the other files here have no groups of cases. */
export default class GoldenReporter extends GroupsReporter {
  protected override hasGroups(file: string): boolean {
    return file.endsWith('golden.test.ts');
  }
}
