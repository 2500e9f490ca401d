import { describe, test } from 'vitest';
import { readIndex } from '../src/data';
import { excluded } from '../src/handlers';
import { runCase } from '../src/run-case';

const cases = readIndex();

for (const group of new Set(cases.map((entry) => entry.group))) {
  describe(group, () => {
    for (const entry of cases.filter((entry) => entry.group === group)) {
      test(entry.name, async ({ skip }) => {
        if (Object.hasOwn(excluded, group)) skip(excluded[group]);
        await runCase(entry);
      });
    }
  });
}
