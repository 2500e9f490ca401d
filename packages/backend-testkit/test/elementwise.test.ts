// The loops against the rows of the table, which are the definition.
import {
  binaryFunctions,
  type Clamped,
  elementwiseFunctions,
  integerFunctions,
  type KernelName,
  relations,
  type TypedArray,
} from '@octet/backend';
import { describe, expect, test } from 'vitest';
import { type CaseTensor, type KernelCase, kernelCases } from '../src/cases';
import { run } from './run';

type Inputs = Readonly<Record<string, CaseTensor>>;
type Formula = (inputs: (label: string) => number, attrs: object, integers: boolean) => number;

const formulas = new Map<string, Formula>();
for (const [name, f] of Object.entries(binaryFunctions)) {
  formulas.set(name, (at, attrs, integers) => {
    const [min, max] = (attrs as Clamped).clamp ?? [-Infinity, Infinity];
    const of = integers ? (integerFunctions as Readonly<Record<string, typeof f>>)[name] : f;
    return Math.min(Math.max(of(at('a'), at('b')), min), max);
  });
}
for (const [name, f] of Object.entries(relations)) {
  formulas.set(name, (at) => Number(f(at('a'), at('b'))));
}
formulas.set('where', (at) => (at('mask') ? at('a') : at('b')));
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
        formula(
          (label) => inputs[label].data[inputs[label].data.length === 1 ? 0 : i],
          kernelCase.attrs,
          found instanceof Int32Array,
        ),
      );
      expect(found, `${name} ${kernelCase.name}`).toEqual(expected);
    }
  });
});
