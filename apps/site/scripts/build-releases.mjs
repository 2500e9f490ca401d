// Builds the site of this code, and below /v1.2.3/ that of every release, as it was: the menu leads from one to the other.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { releasesOf } from './releases.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const base = process.env.SITE_BASE ?? '/';
const read = (/** @type {string} */ file) => JSON.parse(readFileSync(path.join(root, file), 'utf8'));
const { packageManager } = read('package.json');

/** @param {string} cwd @param {string[]} args @param {NodeJS.ProcessEnv} env */
const pnpm = (cwd, args, env = {}) =>
  execFileSync('npx', ['--yes', packageManager, ...args], {
    cwd,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
/** @param {string[]} args */
const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' });

const releases = releasesOf(
  git('tag', '--list', 'v*').split('\n'),
  read('packages/octet/package.json').version,
);
console.log(
  releases.length > 0 ? `Releases: ${releases.join(', ')}` : 'There are no releases with pages of their own.',
);
pnpm(root, ['site'], { SITE_RELEASES: releases.join(',') });
for (const release of releases) {
  const folder = mkdtempSync(path.join(tmpdir(), `octet-${release}-`));
  try {
    git('worktree', 'add', '--force', '--detach', folder, `v${release}`);
    if (!existsSync(path.join(folder, 'apps/site')))
      throw new Error(
        `v${release} has no apps/site: delete its tag from those that are fetched, or build from a later one`,
      );
    pnpm(folder, ['install', '--frozen-lockfile']);
    pnpm(folder, ['site'], { SITE_BASE: `${base}v${release}/`, SITE_IS_OLD: '1', SITE_RELEASES: '' });
    cpSync(path.join(folder, 'apps/site/dist/site'), path.join(root, 'apps/site/dist/site', `v${release}`), {
      recursive: true,
    });
  } finally {
    git('worktree', 'remove', '--force', folder);
    rmSync(folder, { recursive: true, force: true });
  }
}
