// Publishes every public package whose version is not on npm yet, each after those that it needs:
//
//   pnpm release               what .github/workflows/release.yml runs: needs a build, npm's permission, and no changesets left
//   pnpm release --dry-run     the whole way in a copy: versions, changelogs, install, build, pack, `npm publish --dry-run`
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { packAll, publicPackages } from './pack.mjs';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const args = process.argv.slice(2);
const dryRun = args[0] === '--dry-run';
if (args.length > (dryRun ? 1 : 0)) {
  console.error('usage: pnpm release [--dry-run]');
  process.exit(2);
}

const read = (...file) => JSON.parse(readFileSync(path.join(...file), 'utf8'));
const changesets = (root) =>
  readdirSync(path.join(root, '.changeset')).filter((file) => file.endsWith('.md'));

/** Runs a program and shows what it says. */
function run(root, program, ...rest) {
  console.log(`$ ${[program, ...rest].join(' ')}`);
  execFileSync(program, rest, { cwd: root, stdio: 'inherit' });
}

/** The files of the repository that git knows or doesn't ignore, in a new folder. */
function copyOf(root) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'octet-release-'));
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const file of listed.split('\0').filter(Boolean)) {
    const source = path.join(root, file);
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    cpSync(source, path.join(folder, file), { verbatimSymlinks: true });
  }
  // Turbo asks git for the files of a package: looking for them by itself takes it many minutes.
  execFileSync('git', ['init', '--quiet'], { cwd: folder });
  execFileSync('git', ['add', '--all'], { cwd: folder });
  return folder;
}

/** Whether npm has this version. */
function isPublished({ name, version }) {
  try {
    execFileSync('npm', ['view', `${name}@${version}`, 'version'], { stdio: ['ignore', 'pipe', 'pipe'] });
    return true;
  } catch (error) {
    if (`${error.stderr}`.includes('E404')) return false;
    throw error;
  }
}

/** Publishes what is not published, with a statement of where it was built. */
async function publish(root) {
  const tarballs = await packAll(root, path.join(root, 'tarballs'));
  const todo = publicPackages(root).filter((pkg) => dryRun || !isPublished(pkg));
  for (const { name } of todo) {
    // With its changes, or not at all.
    execFileSync('tar', ['-xOf', tarballs[name], 'package/CHANGELOG.md'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const options = [
      '--access',
      'public',
      ...(dryRun ? ['--dry-run', '--tag', 'dry-run'] : ['--provenance']),
    ];
    run(root, 'npm', 'publish', tarballs[name], ...options);
  }
  console.log(
    `${dryRun ? 'would publish' : 'published'} ${todo.map(({ name, version }) => `${name} ${version}`).join(', ') || 'nothing'}`,
  );
}

if (dryRun) {
  const root = copyOf(repository);
  try {
    const pnpm = ['--yes', '--loglevel=error', read(root, 'package.json').packageManager];
    run(root, 'npx', ...pnpm, 'install', '--frozen-lockfile', '--prefer-offline');
    if (changesets(root).length > 0) run(root, 'npx', ...pnpm, 'changeset', 'version');
    run(root, 'npx', ...pnpm, 'exec', 'turbo', 'run', 'build', '--filter=./packages/*', '--concurrency=2');
    await publish(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
} else {
  const left = changesets(repository);
  if (left.length > 0) {
    console.error(
      `${left.length} changesets are left: run pnpm changeset version, and commit what it changes.`,
    );
    process.exit(1);
  }
  await publish(repository);
}
