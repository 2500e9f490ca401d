import { expect, it } from 'vitest';
import { onnxOperators } from '../src/import/operators';
import { rareOperators } from '../src/import/operators/rare';
import { attributeTypes, dataTypes, EXTERNAL } from '../src/numbers';
import {
  AttributeProto_AttributeType,
  TensorProto_DataLocation,
  TensorProto_DataType,
} from '../src/onnx.generated';

const all = [...onnxOperators(), ...rareOperators()];

/** The versions of each operator, by domain, as a page of the documentation. */
function page(): string {
  const domains = [...new Set(all.map(({ domain = '' }) => domain))].sort();
  const tables = domains.map((domain) => {
    const ops = new Map<string, string[]>();
    const rows = all.filter((o) => (o.domain ?? '') === domain).sort((a, b) => a.since - b.since);
    for (const { op, since, until } of rows) {
      const range =
        until === undefined ? `${since} and later` : since === until ? `${since}` : `${since} to ${until}`;
      ops.set(op, [...(ops.get(op) ?? []), range]);
    }
    const lines = [...ops]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([op, ranges]) => `| ${op} | ${ranges.join(', ')} |`);
    return [
      `## ${domain || 'ai.onnx'}`,
      '',
      '| operator | versions of the operator set |',
      '| --- | --- |',
      ...lines,
    ].join('\n');
  });
  return [
    '# Operators of ONNX that `importOnnx` has',
    '',
    'Written by `packages/onnx/test/operators.test.ts` from the table of operators: `vitest run --project onnx operators -u`.',
    '',
    `${tables.join('\n\n')}\n`,
  ].join('\n');
}

it('are listed in the documentation', async () => {
  await expect(page()).toMatchFileSnapshot('../../../docs/onnx-operators.md');
});

it('have one row for a version', () => {
  const seen = new Map<string, [number, number][]>();
  for (const { op, domain = '', since, until = Number.POSITIVE_INFINITY } of all) {
    expect(since).toBeLessThanOrEqual(until);
    const key = `${domain}:${op}`;
    const ranges = seen.get(key) ?? [];
    const overlap = ranges.some(([from, to]) => since <= to && from <= until);
    expect(overlap, `${key} ${since}`).toBe(false);
    seen.set(key, [...ranges, [since, until]]);
  }
});

it("the numbers are those of ONNX's own file", () => {
  const named = (numbers: object) =>
    Object.fromEntries(Object.entries(numbers).filter(([name]) => Number.isNaN(Number(name))));
  expect(dataTypes).toEqual(named(TensorProto_DataType));
  expect(attributeTypes).toEqual(named(AttributeProto_AttributeType));
  expect(EXTERNAL).toBe(TensorProto_DataLocation.EXTERNAL);
});
