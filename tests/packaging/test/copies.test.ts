import { beforeAll, describe, expect, test } from 'vitest';
import { Project } from '../src/project';

// The ES module and the CommonJS copy of the packages in one process, as happens when one dependency of an application requires
// what the application imports. Their classes and backends are not each other's: the errors say so.

let project: Project;
beforeAll(async () => {
  project = await Project.withAll('copies');
});

/** What an expression of both copies throws: `esm` and `cjs` have tensor, nn and optim, `x` is a tensor of the CommonJS copy. */
async function saidBy(expression: string): Promise<string> {
  return project.evaluate(`
    import { createRequire } from 'node:module';
    const require = createRequire(import.meta.url);
    const names = ['tensor', 'nn', 'optim', 'quantization'];
    const esm = Object.assign({}, ...(await Promise.all(names.map((name) => import('@octet/' + name)))));
    const cjs = Object.assign({}, ...names.map((name) => require('@octet/' + name)));
    const x = cjs.tensor([[1, 2]]);
    try {
      ${expression};
      console.log('no error');
    } catch (error) {
      console.log(error.name + ': ' + error.message);
    }
  `);
}

const mixed = {
  'a layer of one on a tensor of the other': 'new esm.Linear(2, 2).call(x)',
  'a layer of the other, the other way round': 'new cjs.Linear(2, 2).call(esm.tensor([[1, 2]]))',
  'add() across them': 'esm.add(esm.tensor([[1, 2]]), x)',
  'a method across them': 'esm.tensor([[1, 2]]).mul(x)',
  'a module of one in a Sequential of the other':
    'new esm.Sequential(new cjs.Linear(2, 2)).call(esm.tensor([[1, 2]]))',
  'an optimizer of one for parameters of the other':
    'new esm.SGD(new cjs.Linear(2, 2).parameters(), { lr: 0.1 })',
};

describe.each(Object.entries(mixed))('%s', (_, expression) => {
  test('says that the package is loaded twice', async () => {
    const said = await saidBy(expression);
    expect(said).toMatch(/^\w*Error: /);
    expect(said).toContain('loaded twice');
    expect(said).not.toMatch(/TypeError|undefined/);
  });
});

test('each copy works by itself', async () => {
  expect(await saidBy('new cjs.Linear(2, 2).call(x)')).toBe('no error\n');
  expect(await saidBy('new esm.Linear(2, 2).call(esm.tensor([[1, 2]]))')).toBe('no error\n');
});
