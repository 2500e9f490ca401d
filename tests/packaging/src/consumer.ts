import { readdirSync } from 'node:fs';
import path from 'node:path';
import { Project, tarballOf } from './project';
import { resolutions, typeCheck, writeImports } from './typescript';
import { type Package, withDependencies } from './workspace';

/** An empty project that has installed one package from its tarball. */
export class Consumer extends Project {
  private constructor(readonly pkg: Package) {
    super(path.basename(pkg.folder));
  }

  static async install(pkg: Package): Promise<Consumer> {
    const others = [...withDependencies(pkg)].filter((other) => other !== pkg);
    const consumer = new Consumer(pkg);
    await consumer.install({
      dependencies: { [pkg.name]: tarballOf(pkg.name) },
      // The packages it needs aren't published either: take those from their tarballs too.
      overrides: Object.fromEntries(others.map(({ name }) => [name, tarballOf(name)])),
    });
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

  /** Loads an entry in Node as an ES module. Returns the names it exports. */
  async importNames(node: string, entry: string): Promise<string[]> {
    if (this.pkg.needsVitest) return this.importNamesInVitest(entry);
    return JSON.parse(
      await this.evaluate(`console.log(JSON.stringify(Object.keys(await import('${entry}'))))`, node),
    );
  }

  /** Loads an entry in Node with `require()`. Returns the names it exports. */
  async requireNames(node: string, entry: string): Promise<string[]> {
    const script = `console.log(JSON.stringify(Object.keys(require('${entry}'))))`;
    return JSON.parse(await this.run(node, '--input-type=commonjs', '--eval', script));
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
    return JSON.parse(this.read('names.json'));
  }

  /** Runs a test file with the vitest that was installed beside the package. */
  vitest(file: string): Promise<string> {
    return this.run(process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--root', '.', file);
  }

  /**
   * Type-checks modules that import the entries and name all that each one exports when it runs, for Node's rules (as an
   * ES module, and with `require()`) and for bundlers' rules.
   */
  async typeCheck(names: ReadonlyMap<string, readonly string[]>): Promise<void> {
    writeImports(this, names);
    for (const { files, options } of [resolutions.bundler, resolutions.nodenext]) {
      const loaded = files.filter((file) => file !== 'commonjs.cts' || this.pkg.commonJs);
      await typeCheck(this, loaded, options);
    }
  }
}
