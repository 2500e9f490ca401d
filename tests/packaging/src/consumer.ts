import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Package, packages, root, run, withDependencies } from './workspace';

const compiler = path.join(root, 'node_modules/typescript7/lib/tsc.js');

/** Packs every package into `folder`. Returns the tarball of each, by package name. */
export async function packAll(folder: string): Promise<Map<string, string>> {
  const tarballs = new Map<string, string>();
  const queue = [...packages];
  const worker = async () => {
    for (let pkg = queue.pop(); pkg; pkg = queue.pop()) {
      const out = await run(pkg.folder, 'pnpm', 'pack', '--json', '--pack-destination', folder);
      tarballs.set(pkg.name, path.resolve(folder, JSON.parse(out).filename));
    }
  };
  await Promise.all([worker(), worker()]);
  return tarballs;
}

/** An empty project that has installed one package from its tarball. */
export class Consumer {
  private constructor(
    readonly pkg: Package,
    readonly folder: string,
  ) {}

  static async install(pkg: Package, folder: string, tarballs: Map<string, string>): Promise<Consumer> {
    const tarball = ({ name }: Package) => `file:${tarballs.get(name)}`;
    const others = [...withDependencies(pkg)].filter((other) => other !== pkg);
    const consumer = new Consumer(pkg, folder);
    consumer.write('package.json', {
      name: 'consumer',
      private: true,
      dependencies: { [pkg.name]: tarball(pkg) },
      // The packages it needs aren't published either: take those from their tarballs too.
      overrides: Object.fromEntries(others.map((other) => [other.name, tarball(other)])),
    });
    await run(
      folder,
      'npm',
      'install',
      '--prefer-offline',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    );
    return consumer;
  }

  /** The folder of the installed package. */
  get installed(): string {
    return path.join(this.folder, 'node_modules', this.pkg.name);
  }

  /** The names of the packages at the top of node_modules. */
  installedNames(): string[] {
    const modules = path.join(this.folder, 'node_modules');
    return readdirSync(modules)
      .filter((name) => !name.startsWith('.'))
      .flatMap((name) =>
        name.startsWith('@')
          ? readdirSync(path.join(modules, name)).map((inner) => `${name}/${inner}`)
          : name,
      );
  }

  write(file: string, content: string | object): void {
    mkdirSync(this.folder, { recursive: true });
    const text = typeof content === 'string' ? content : JSON.stringify(content, null, 2);
    writeFileSync(path.join(this.folder, file), text);
  }

  /** Loads an entry in Node as an ES module. Returns the names it exports. */
  async importNames(node: string, entry: string): Promise<string[]> {
    if (this.pkg.needsVitest) return this.importNamesInVitest(entry);
    return JSON.parse(
      await this.evaluate(`console.log(JSON.stringify(Object.keys(await import('${entry}'))))`, node),
    );
  }

  /** What an ES module prints that runs in the project. */
  evaluate(script: string, node = process.execPath): Promise<string> {
    return run(this.folder, node, '--input-type=module', '--eval', script);
  }

  /** Loads an entry in Node with `require()`. Returns the names it exports. */
  async requireNames(node: string, entry: string): Promise<string[]> {
    const script = `console.log(JSON.stringify(Object.keys(require('${entry}'))))`;
    return JSON.parse(await run(this.folder, node, '--input-type=commonjs', '--eval', script));
  }

  private async importNamesInVitest(entry: string): Promise<string[]> {
    this.write(
      'names.test.js',
      `import { writeFileSync } from 'node:fs';
import { test } from 'vitest';
import * as entry from '${entry}';
test('names', () => writeFileSync('names.json', JSON.stringify(Object.keys(entry))));
`,
    );
    await this.vitest('names.test.js');
    return JSON.parse(readFileSync(path.join(this.folder, 'names.json'), 'utf8'));
  }

  /** Runs a test file with the vitest that was installed beside the package. */
  vitest(file: string): Promise<string> {
    return run(this.folder, process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--root', '.', file);
  }

  /**
   * Type-checks a module that imports the entries and names all that each one exports when it runs,
   * for Node's rules (as an ES module, and with `require()`) and for bundlers' rules.
   */
  async typeCheck(names: Map<string, string[]>): Promise<void> {
    const entries = [...names];
    const uses = entries.map(
      ([, list], i) => `export const names${i}: (keyof typeof entry${i})[] = ${JSON.stringify(list)};`,
    );
    const imports = entries.map(([entry], i) => `import * as entry${i} from '${entry}';`);
    const requires = entries.map(([entry], i) => `import entry${i} = require('${entry}');`);
    this.write('esm.mts', [...imports, ...uses].join('\n'));
    this.write('bundled.ts', [...imports, ...uses].join('\n'));
    this.write('commonjs.cts', [...requires, ...uses].join('\n'));

    const compilerOptions = {
      strict: true,
      noEmit: true,
      target: 'ES2022',
      lib: ['ES2022', 'DOM', 'ESNext.Disposable'],
      types: [],
      // Vitest's own declarations are not what is tested here.
      skipLibCheck: this.pkg.needsVitest,
    };
    this.write('tsconfig.node.json', {
      compilerOptions: { ...compilerOptions, module: 'NodeNext' },
      files: ['esm.mts', ...(this.pkg.commonJs ? ['commonjs.cts'] : [])],
    });
    this.write('tsconfig.bundler.json', {
      compilerOptions: { ...compilerOptions, module: 'ESNext', moduleResolution: 'Bundler' },
      files: ['bundled.ts'],
    });
    for (const config of ['tsconfig.node.json', 'tsconfig.bundler.json']) {
      await run(this.folder, process.execPath, compiler, '-p', config);
    }
  }
}
