import { codeSpans, rowsOf } from './markdown';

/** A name of Octet that the tables of from-pytorch.md give. */
export interface Name {
  readonly line: number;
  /** `@octet/tensor` */
  readonly package: string;
  /** `['init', 'zeros_']` */
  readonly parts: readonly string[];
}

/** How the tables write an instance, as in `x.sum()`, and which class it is of. */
export const instances: Readonly<Record<string, readonly [from: string, type: string]>> = {
  x: ['@octet/tensor', 'Tensor'],
  generator: ['@octet/tensor', 'Generator'],
  module: ['@octet/nn', 'Module'],
  list: ['@octet/nn', 'ModuleList'],
  optimizer: ['@octet/optim', 'Optimizer<never, never>'],
  scheduler: ['@octet/optim', 'LRScheduler'],
  observer: ['@octet/quantization', 'RangeObserver'],
  fakeQuant: ['@octet/quantization', 'FakeQuantizeBase'],
  learnable: ['@octet/quantization', 'LearnableFakeQuantize'],
  mapping: ['@octet/quantization', 'QConfigMapping'],
  skipAdd: ['@octet/quantization', 'FloatFunctional'],
  file: ['@octet/formats', 'SafetensorsFile'],
};

/** The second column of every table under a heading that names a package, each code span of it one name. */
export function namesOf(document: string): Name[] {
  return rowsOf(document).flatMap(({ line, heading, cells }) => {
    const name = codeSpans(heading).find((code) => code.startsWith('@octet/'));
    if (!name) return [];
    return codeSpans(cells[1]).map((code): Name => {
      const parts = /^(?:new |await )*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)/.exec(code)?.[1].split('.');
      if (!parts) throw new Error(`${document}:${line}: '${code}' doesn't start with a name`);
      return { line, package: name, parts };
    });
  });
}

/** A file that compiles only if all names exist: line n is about name n. */
export function program(names: readonly Name[], exportsOf: Readonly<Record<string, object>>): string {
  const packages = [
    ...new Set([...names.map((n) => n.package), ...Object.values(instances).map(([p]) => p)]),
  ];
  const alias = (name: string) => `p${packages.indexOf(name)}`;
  const lines = names.map(({ package: name, parts }, i) => {
    const path = parts.join('.');
    if (Object.hasOwn(instances, parts[0])) return `void ${path};`;
    // What is no value can only be a type.
    return parts[0] in exportsOf[name]
      ? `void ${alias(name)}.${path};`
      : `export type { ${path} as T${i} } from '${name}';`;
  });
  return [
    ...lines,
    ...packages.map((name) => `import * as ${alias(name)} from '${name}';`),
    ...Object.entries(instances).map(([x, [name, type]]) => `declare const ${x}: ${alias(name)}.${type};`),
  ].join('\n');
}
