import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inject } from 'vitest';
import { packages, root, run } from './workspace';

/** What npm is to install for a package of this repository. */
export function tarballOf(name: string): string {
  return `file:${inject('tarballs')[name]}`;
}

/** A folder outside of this repository, as its users have them. */
export class Project {
  readonly folder: string;

  constructor(name: string) {
    this.folder = path.join(inject('folder'), name);
  }

  /** A project that has installed all packages. */
  static async withAll(name: string): Promise<Project> {
    const project = new Project(name);
    const dependencies = Object.fromEntries(packages.map((pkg) => [pkg.name, tarballOf(pkg.name)]));
    await project.install({ dependencies });
    return project;
  }

  /** An example that is a project of its own, copied, with the packages as they are here, and installed. */
  static async ofExample(name: string): Promise<Project> {
    const project = new Project(name);
    cpSync(path.join(root, 'examples', name), project.folder, { recursive: true });
    const manifest = JSON.parse(project.read('package.json'));
    for (const dependency of Object.keys(manifest.dependencies)) {
      if (dependency.startsWith('@octet/')) manifest.dependencies[dependency] = tarballOf(dependency);
    }
    // What those need isn't published either.
    manifest.overrides = Object.fromEntries(
      packages
        .filter((pkg) => !manifest.dependencies[pkg.name])
        .map((pkg) => [pkg.name, tarballOf(pkg.name)]),
    );
    await project.install(manifest);
    return project;
  }

  write(file: string, content: string | object): void {
    mkdirSync(this.folder, { recursive: true });
    const text = typeof content === 'string' ? content : JSON.stringify(content, null, 2);
    writeFileSync(path.join(this.folder, file), text);
  }

  read(file: string): string {
    return readFileSync(path.join(this.folder, file), 'utf8');
  }

  async install(manifest: object): Promise<void> {
    this.write('package.json', { name: 'consumer', private: true, ...manifest });
    const quietly = ['--no-audit', '--no-fund', '--loglevel=error'];
    await this.run('npm', 'install', '--prefer-offline', '--ignore-scripts', ...quietly);
  }

  /** What a program prints that runs in the project. */
  run(program: string, ...args: string[]): Promise<string> {
    return run(this.folder, program, ...args);
  }

  /** What an ES module prints that runs in the project. */
  evaluate(script: string, node = process.execPath): Promise<string> {
    return this.run(node, '--input-type=module', '--eval', script);
  }

  /** The file of this test package, copied into the project. */
  copy(program: string): string {
    const file = path.basename(program);
    cpSync(path.join(import.meta.dirname, '..', program), path.join(this.folder, file));
    return file;
  }

  has(file: string): boolean {
    return existsSync(path.join(this.folder, file));
  }
}
