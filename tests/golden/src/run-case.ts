import { compareOutputs } from './compare';
import { type CaseEntry, readData } from './data';
import { parseFixture } from './fixture';
import { GoldenCase } from './golden-case';
import { handlers } from './handlers';

/** Computes one case and compares every expected tensor. @throws Error that lists what is missing or off */
export async function runCase(entry: CaseEntry): Promise<void> {
  const fixture = parseFixture(readData(entry.file));
  const handler = handlers[entry.op];
  if (!handler) throw new Error(`no handler for '${entry.op}': add one to src/handlers/index.ts`);
  const got = await handler(new GoldenCase(entry, fixture));
  const problems = await compareOutputs(got, fixture.out, entry.tolerance, entry.relaxed_tolerance);
  if (problems.length > 0) {
    const count = `${problems.length} of ${Object.keys(fixture.out).length} tensors are off`;
    throw new Error(`${count}:\n  ${problems.join('\n  ')}`);
  }
}
