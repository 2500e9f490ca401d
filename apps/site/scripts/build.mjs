// Builds the site to dist/site: the pages of docs/, under /api the reference of all exports, and the apps. Dead links fail it.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as buildProgram } from 'vite';
import { build } from 'vitepress';

const site = fileURLToPath(new URL('..', import.meta.url));
const root = path.resolve(site, '../..');
const docs = path.join(root, 'docs');
const pages = path.join(site, 'dist/pages');
const { repository } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const home = repository.url.replace(/^git\+|\.git$/g, '');

/**
 * A page as the site has it: what it links to outside of docs/ is in the repository.
 *
 * @param {string} text
 */
function sitePage(text) {
  return text.replace(/\]\((\.\.\/[^)\s#]*)(#[^)\s]*)?\)/g, (_, link, anchor = '') => {
    const file = path.resolve(docs, link);
    if (!existsSync(file)) throw new Error(`a page of docs/ links to ${link}, which isn't there`);
    const kind = statSync(file).isDirectory() ? 'tree' : 'blob';
    return `](${home}/${kind}/main/${path.relative(root, file)}${anchor})`;
  });
}

rmSync(path.join(site, 'dist'), { recursive: true, force: true });
mkdirSync(pages, { recursive: true });
for (const name of readdirSync(docs)) {
  if (name.endsWith('.md'))
    writeFileSync(path.join(pages, name), sitePage(readFileSync(path.join(docs, name), 'utf8')));
  else cpSync(path.join(docs, name), path.join(pages, name));
}
cpSync(path.join(site, 'index.md'), path.join(pages, 'index.md'));
// Files that no page's text imports.
mkdirSync(path.join(pages, 'public'));
for (const file of ['tooling/web/public/icon.svg', 'tooling/web/public/robots.txt', 'docs/how-it-works.svg'])
  cpSync(path.join(root, file), path.join(pages, 'public', path.basename(file)));
// Octet as a module of the site, for the code that runs in its pages; and the apps, each in a folder of its name.
const programs = { run: path.join(site, 'run') };
for (const name of ['studio', 'demo', 'digits']) programs[name] = path.join(root, 'apps', name);
programs.bench = path.join(root, 'apps/bench/web');
execFileSync(path.join(root, 'node_modules/.bin/octet-run'), ['scripts/make-mnist.ts'], {
  cwd: programs.digits,
  stdio: 'inherit',
});
for (const [name, folder] of Object.entries(programs)) {
  const outDir = path.join(pages, 'public', name);
  await buildProgram({ root: folder, logLevel: 'warn', build: { outDir, emptyOutDir: true } });
}
await build(site);
execFileSync(process.execPath, [path.join(site, 'node_modules/typedoc/bin/typedoc')], {
  cwd: site,
  stdio: 'inherit',
});
