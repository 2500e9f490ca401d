import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as backend from '@octet/backend';
import * as reference from '@octet/backend-js-reference';
import { UsageError } from '@octet/cli/errors';

/**
 * What a backend's module may import and gets from this program: so that it shares the contract, the reference and
 * their error classes with the tensors it will compute, and needs no build of this workspace.
 */
const shared: Readonly<Record<string, object>> = {
  '@octet/backend': backend,
  '@octet/backend-js-reference': reference,
};

const scheme = 'octet-shared:';
const registry = Symbol.for('octet.bench.shared');

// Absent before Node 22.15.
const { registerHooks } = nodeModule;

let hooked = false;

function shareModules(): void {
  if (hooked) return;
  if (!registerHooks) {
    throw new UsageError({
      op: '--backend',
      expected: 'Node 22.15 or newer, for backends from modules',
      found: process.version,
      fix: 'Run it as pnpm bench, which brings its own Node.',
    });
  }
  hooked = true;
  Object.assign(globalThis, { [registry]: shared });
  registerHooks({
    resolve: (specifier, context, next) =>
      Object.hasOwn(shared, specifier)
        ? { url: `${scheme}${specifier}`, format: 'module', shortCircuit: true }
        : next(specifier, context),
    load(url, context, next) {
      if (!url.startsWith(scheme)) return next(url, context);
      const id = JSON.stringify(url.slice(scheme.length));
      const names = Object.keys(shared[url.slice(scheme.length)]).join(', ');
      const source = `export const { ${names} } = globalThis[Symbol.for('octet.bench.shared')][${id}];`;
      return { format: 'module', source, shortCircuit: true };
    },
  });
}

/**
 * Imports a module by its path or package name, as a file in the current folder would. TypeScript works too, where Node
 * can strip its types.
 */
export async function importFromHere(name: string): Promise<Readonly<Record<string, unknown>>> {
  shareModules();
  if (/^\.{0,2}[/\\]/.test(name) || path.isAbsolute(name) || existsSync(name))
    return import(pathToFileURL(path.resolve(name)).href);
  const here = pathToFileURL(path.join(process.cwd(), 'noname.js')).href;
  const relay = registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, specifier === name ? { ...context, parentURL: here } : context),
  });
  try {
    return await import(name);
  } finally {
    relay.deregister();
  }
}
