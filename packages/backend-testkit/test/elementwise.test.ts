// The loops against the rows of the table, which are the definition.
import {
  binaryFunctions,
  type Clamped,
  elementwiseFunctions,
  type KernelName,
  type TypedArray,
} from '@octet/backend';
import { describe, expect, test } from 'vitest';
import { type CaseTensor, type KernelCase, kernelCases } from '../src/cases';
import { run } from './run';

type Inputs = Readonly<Record<string, CaseTensor>>;
type Formula = (inputs: (label: string) => number, attrs: object) => number;

const formulas = new Map<string, Formula>();
for (const [name, f] of Object.entries(binaryFunctions)) {
  formulas.set(name, (at, attrs) => {
    const [min, max] = (attrs as Clamped).clamp ?? [-Infinity, Infinity];
    return Math.min(Math.max(f(at('a'), at('b')), min), max);
  });
}
for (const [name, { forward, backward, from = 'x' }] of Object.entries(elementwiseFunctions)) {
  formulas.set(name, (at, attrs) => forward(at('x'), attrs));
  if (backward) formulas.set(`${name}Backward`, (at, attrs) => backward(at(from), at('gradY'), attrs));
}

describe('every element is what the row says, to the bit', () => {
  test.each([...formulas])('%s', (name, formula) => {
    for (const kernelCase of kernelCases[name as 'relu']() as KernelCase[]) {
      const [found] = Object.values(run(name as KernelName, kernelCase as never));
      const inputs = kernelCase.inputs as unknown as Inputs;
      const expected = (found.slice() as TypedArray).map((_, i) =>
        formula((label) => inputs[label].data[inputs[label].data.length === 1 ? 0 : i], kernelCase.attrs),
      );
      expect(found, `${name} ${kernelCase.name}`).toEqual(expected);
    }
  });
});
