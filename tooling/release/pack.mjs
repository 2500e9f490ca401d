// Packs the public packages as they are built: node tooling/release/pack.mjs FOLDER
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** @type {typeof import('./pack.mjs').publicPackages} */
export function publicPackages(root) {
  const all = readdirSync(path.join(root, 'packages'))
    .map((name) => path.join(root, 'packages', name))
    .filter((folder) => existsSync(path.join(folder, 'package.json')))
    .map((folder) => ({ folder, ...JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) }))
    .filter((manifest) => !manifest.private)
    .map(({ name, version, folder, dependencies = {} }) => ({
      name,
      version,
      folder,
      needs: Object.keys(dependencies).filter((other) => other.startsWith('@octet/')),
    }));
  const ordered = new Set();
  const add = (pkg) => {
    for (const name of pkg.needs) add(all.find((other) => other.name === name));
    ordered.add(pkg);
  };
  all.forEach(add);
  return [...ordered];
}

/** @type {typeof import('./pack.mjs').packAll} */
export async function packAll(root, folder) {
  mkdirSync(folder, { recursive: true });
  const { packageManager } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const tarballs = {};
  const queue = publicPackages(root);
  const worker = async () => {
    for (let pkg = queue.pop(); pkg; pkg = queue.pop()) {
      const pack = [packageManager, 'pack', '--json', '--pack-destination', path.resolve(folder)];
      const { stdout } = await run('npx', ['--yes', '--loglevel=error', ...pack], { cwd: pkg.folder });
      tarballs[pkg.name] = path.resolve(folder, JSON.parse(stdout).filename);
    }
  };
  await Promise.all([worker(), worker()]);
  return tarballs;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder] = process.argv.slice(2);
  if (!folder) {
    console.error('usage: node tooling/release/pack.mjs FOLDER');
    process.exit(2);
  }
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const made = await packAll(root, folder);
  console.log(`${Object.keys(made).length} packages in ${folder}`);
}
