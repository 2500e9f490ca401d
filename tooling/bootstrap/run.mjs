// Runs a script of the root package.json on a machine that has nothing but Node 20 and npm:
//
//   node tooling/bootstrap/run.mjs SCRIPT [arguments]
//
// It first installs the dependencies if they are missing or out of date, with the pnpm version that
// package.json names. The script then runs on the Node version that this workspace installs.
// `npm start` and `npm test` come through here. Plain Node, no dependencies.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const bin = path.join(root, 'node_modules/.bin');
const stampFile = path.join(root, 'node_modules/.octet-installed');
const windows = process.platform === 'win32';

const { packageManager, scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const [name, ...args] = process.argv.slice(2);
if (!Object.hasOwn(scripts, name ?? '')) {
  console.error('usage: node tooling/bootstrap/run.mjs SCRIPT [arguments]');
  process.exit(2);
}

/** What an install depends on: when this changes, node_modules is out of date. */
function wantedStamp() {
  const hash = createHash('sha256').update(packageManager);
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml'])
    hash.update(readFileSync(path.join(root, file)));
  return hash.digest('hex');
}

function installedStamp() {
  try {
    return readFileSync(stampFile, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Runs a shell command line in this terminal, with `args` after it.
 * Resolves with its exit code, or with the name of the signal that ended it.
 */
function run(command, args = []) {
  const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` };
  const options = { cwd: root, stdio: 'inherit', env };
  const child = windows
    ? spawn([command, ...args].join(' '), { ...options, shell: true })
    : // A single command takes the shell's place, so that a signal reaches it and not the shell.
      spawn(
        '/bin/sh',
        ['-c', `${/[;&|]/.test(command) ? '' : 'exec '}${command} "$@"`, 'sh', ...args],
        options,
      );

  // Ctrl-C reaches the child by itself, for it is in the same process group: only wait for it to end.
  // Other signals are sent to this process alone: hand them on.
  const wait = () => {};
  const handOn = (signal) => child.kill(signal);
  process.on('SIGINT', wait).on('SIGTERM', handOn).on('SIGHUP', handOn);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.off('SIGINT', wait).off('SIGTERM', handOn).off('SIGHUP', handOn);
      resolve(signal ?? code);
    });
  });
}

/** Ends this process the way its child ended. */
function endAs(result) {
  if (typeof result === 'string') process.kill(process.pid, result);
  else process.exitCode = result;
}

async function install() {
  const wanted = wantedStamp();
  if (installedStamp() === wanted) return 0;
  console.log('Installing dependencies. The first time takes about half a minute.');
  const result = await run(`npx --yes --loglevel=error ${packageManager} install --frozen-lockfile`);
  if (result === 0) writeFileSync(stampFile, wanted);
  else
    console.error(`\nCould not install the dependencies: see the lines above. Is the npm registry in reach?`);
  return result;
}

endAs((await install()) || (await run(scripts[name], args)));
