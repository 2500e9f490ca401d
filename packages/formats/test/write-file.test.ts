import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  open as openFile,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile as write,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { fromData } from '@octet/tensor';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { checkWritable, isStandardOutput, load, save, writeFile } from '../src';

let folder: string;
const at = (...parts: string[]) => path.join(folder, ...parts);
const text = (file: string) => readFile(file, 'utf8');
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'octet-write-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

const posix = process.platform !== 'win32';

/** A program that can use the sources, and has `file` as its argument. Returns its path. */
async function program(body: string): Promise<string> {
  const app = await mkdtemp(path.join(tmpdir(), 'octet-program-'));
  onTestFinished(() => rm(app, { recursive: true, force: true }));
  await chmod(app, 0o755);
  const script = path.join(app, 'src/program.ts');
  await mkdir(path.dirname(script));
  const source = JSON.stringify(path.resolve(import.meta.dirname, '../src/index.ts'));
  await write(
    script,
    `import { checkWritable, writeFile } from ${source};
const [, , file] = process.argv;
if (file !== undefined) {${body}}`,
  );
  const runner = path.resolve(import.meta.dirname, '../node_modules/@octet/build/run.mjs');
  await promisify(execFile)(process.execPath, [runner, script]);
  return path.join(app, 'dist/program.js');
}

describe('links', () => {
  const links: [string, (name: string) => Promise<void>][] = [
    ['a relative link', (name) => symlink('target', name)],
    ['an absolute link', (name) => symlink(at('target'), name)],
    [
      'a chain of links over another folder',
      async (name) => {
        await mkdir(at('deep/er'), { recursive: true });
        await symlink('../../target', at('deep/er/second'));
        // A folder that is a link itself: the dots count from where the second link lies.
        await symlink('deep/er', at('short'));
        await symlink('short/second', name);
      },
    ],
  ];
  describe.each(links)('%s', (_, make) => {
    test.each([true, false])(
      'stays, and the file it leads to is written (there before: %s)',
      async (there) => {
        if (there) await write(at('target'), 'old');
        await make(at('link'));
        const lead = await readlink(at('link'));
        await writeFile(at('link'), 'new');
        expect(await readlink(at('link'))).toBe(lead);
        expect((await lstat(at('target'))).isFile()).toBe(true);
        expect(await text(at('target'))).toBe('new');
        expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
      },
    );
  });

  test('to a folder that is missing: it is made', async () => {
    await symlink('a/b/target', at('link'));
    await writeFile(at('link'), 'new');
    expect(await text(at('a/b/target'))).toBe('new');
  });

  test('in a ring, or to a folder, are refused', async () => {
    await symlink('b', at('a'));
    await symlink('a', at('b'));
    await expect(writeFile(at('a'), '')).rejects.toMatchObject({ name: 'ArgumentError', op: 'writeFile' });
    await mkdir(at('folder'));
    await symlink('folder', at('c'));
    await expect(checkWritable(at('c'))).rejects.toThrow(/a folder/);
  });

  test('keep what is there if the data is none', async () => {
    await write(at('one'), 'old');
    await link(at('one'), at('two'));
    for (const data of [undefined, 5, { a: 1 }, ['a', 1]] as never[]) {
      await expect(writeFile(at('two'), data)).rejects.toThrow(/writeFile: expected texts or bytes/);
    }
    expect(await text(at('one'))).toBe('old');
  });

  test('hard ones stay names of one file', async () => {
    await write(at('one'), 'old, and longer');
    await link(at('one'), at('two'));
    await writeFile(at('two'), 'new');
    expect(await text(at('one'))).toBe('new');
    expect((await stat(at('one'))).nlink).toBe(2);
  });

  test('save keeps them, too', async () => {
    await save({ a: fromData([1], [1]) }, at('v1.safetensors'));
    await symlink('v1.safetensors', at('latest.safetensors'));
    await save({ a: fromData([2], [1]) }, at('latest.safetensors'));
    expect((await lstat(at('latest.safetensors'))).isSymbolicLink()).toBe(true);
    expect([...(await load(at('v1.safetensors'))).a.dataSync()]).toEqual([2]);
  });
});

test('names as long as file systems have them', async () => {
  await writeFile(at('x'.repeat(255)), 'new');
  expect(await text(at('x'.repeat(255)))).toBe('new');
});

describe('a file that is there', () => {
  test('is another afterwards, with its permissions', async () => {
    await write(at('file'), 'old');
    await chmod(at('file'), 0o640);
    const before = await stat(at('file'));
    await writeFile(at('file'), ['new', new TextEncoder().encode('er')]);
    const after = await stat(at('file'));
    expect(await text(at('file'))).toBe('newer');
    expect(after.ino).not.toBe(before.ino);
    expect(after.mode & 0o777).toBe(0o640);
  });

  test.runIf(process.getuid?.() === 0)('keeps its owner', async () => {
    await write(at('file'), 'old');
    await promisify(execFile)('chown', ['1234:2345', at('file')]);
    await writeFile(at('file'), 'new');
    expect(await stat(at('file'))).toMatchObject({ uid: 1234, gid: 2345 });
  });

  test('is written in place where no other can take its place', async () => {
    await write(at('file'), 'old');
    const { ino } = await stat(at('file'));
    const fs = process.getBuiltinModule('node:fs');
    vi.spyOn(fs.promises, 'rename').mockRejectedValue(Object.assign(new Error('busy'), { code: 'EBUSY' }));
    await writeFile(at('file'), 'new');
    expect(await text(at('file'))).toBe('new');
    expect((await stat(at('file'))).ino).toBe(ino);
    expect(await readdir(folder)).toEqual(['file']);
  });
});

describe('what is no regular file is written into', () => {
  test.runIf(posix)('a device', async () => {
    await symlink('/dev/null', at('link'));
    await writeFile('/dev/null', 'x');
    await writeFile(at('link'), 'x');
    expect((await lstat('/dev/null')).isCharacterDevice()).toBe(true);
    expect((await lstat(at('link'))).isSymbolicLink()).toBe(true);
  });

  test.runIf(posix)('a named pipe, once somebody reads', async () => {
    await promisify(execFile)('mkfifo', [at('pipe')]);
    const long = 'x'.repeat(300_000);
    const written = writeFile(at('pipe'), [long, 'end']);
    const { stdout } = await promisify(execFile)('cat', [at('pipe')], { maxBuffer: 1e6 });
    await written;
    expect(stdout).toBe(`${long}end`);
    expect((await lstat(at('pipe'))).isFIFO()).toBe(true);
  });

  test.runIf(posix)('a named pipe that nobody reads can be given up', async () => {
    await promisify(execFile)('mkfifo', [at('pipe')]);
    await expect(writeFile(at('pipe'), 'x', { signal: AbortSignal.timeout(60) })).rejects.toThrow(/timeout/);
    // Nor does it leave a writer behind.
    await expect(openFile(at('pipe'), constants.O_WRONLY | constants.O_NONBLOCK)).rejects.toThrow(/ENXIO/);
  });

  test.runIf(posix)('descriptors: standard output, and the others of a shell', async () => {
    const script = await program(`
      await writeFile('-', 'dash ');
      await writeFile('/dev/stdout', 'stdout ');
      await writeFile('/proc/self/fd/1', 'proc ');
      await writeFile('/dev/stderr', 'error');
      await writeFile('/dev/fd/3', 'three');
      await writeFile(file, 'x'.repeat(200_000));
      process.exit(0);`);
    const run = (to: string) =>
      promisify(execFile)(
        'bash',
        ['-c', `exec 3> "$1/three"; "$2" "$3" >(wc -c > "$1/count") ${to}; sleep 0.2`, 'bash', folder].concat(
          [process.execPath, script],
        ),
      );
    expect(await run('')).toEqual({ stdout: 'dash stdout proc ', stderr: 'error' });
    expect(await text(at('three'))).toBe('three');
    expect((await text(at('count'))).trim()).toBe('200000');
    // A file that the shell opened: it isn't replaced, and the texts follow one another.
    await run(`>> "${at('out')}"`);
    expect(await text(at('out'))).toBe('dash stdout proc ');
    expect(await readdir(folder)).toEqual(['count', 'out', 'three']);
  });

  test('which of them is standard output', async () => {
    expect(await isStandardOutput('-')).toBe(true);
    expect(await isStandardOutput('./-')).toBe(false);
    if (!posix) return;
    await symlink('/dev/stdout', at('link'));
    expect(await isStandardOutput(at('link'))).toBe(true);
    expect(await isStandardOutput('/dev/stderr')).toBe(false);
    await expect(checkWritable('/dev/fd/987')).rejects.toThrow(/isn't open/);
  });
});

describe('what is refused before anything is written', () => {
  const refused: [string, () => Promise<string>, RegExp][] = [
    ['a folder', async () => folder, /a folder\. Add the name/],
    ['a folder that is missing', async () => at('new/'), /a folder\. Add the name/],
    ['an empty path', async () => '', /an empty text/],
    ['no path', async () => undefined as never, /undefined/],
    [
      'a path through a file',
      async () => {
        await write(at('file'), '');
        return at('file/deep/x');
      },
      /which is no folder/,
    ],
    [
      'a read-only file',
      async () => {
        await write(at('kept'), 'kept', { mode: 0o444 });
        return at('kept');
      },
      /read-only/,
    ],
    [
      'a link to a read-only file',
      async () => {
        await write(at('kept'), 'kept', { mode: 0o444 });
        await symlink('kept', at('link'));
        return at('link');
      },
      /read-only/,
    ],
  ];
  test.each(refused)('%s', async (_, make, message) => {
    const file = await make();
    const before = await readdir(folder);
    const state = { a: fromData([1], [1]) };
    for (const [op, run] of [
      ['checkWritable', () => checkWritable(file)],
      ['writeFile', () => writeFile(file, 'x')],
      ['save', () => save(state, file)],
    ] as const) {
      await expect(run()).rejects.toMatchObject({
        name: 'ArgumentError',
        op,
        message: expect.stringMatching(message),
      });
    }
    expect(await readdir(folder)).toEqual(before);
  });

  test.runIf(process.getuid?.() === 0)('a folder or file of somebody else', async () => {
    const script = await program(`
      await checkWritable(file).catch(({ name, message }) => console.log(name, message));`);
    await write(at('file'), '');
    await chmod(folder, 0o755);
    const run = async (file: string) =>
      (await promisify(execFile)(process.execPath, [script, file], { uid: 65534, gid: 65534 })).stdout;
    expect(await run(at('file'))).toMatch(/^ArgumentError .*read-only/);
    expect(await run(at('new/file'))).toMatch(/^ArgumentError .*read-only/);
    // One that everybody may write, in a folder that nobody else may: it is written where it is.
    await chmod(at('file'), 0o666);
    expect(await run(at('file'))).toBe('');
  });
});

describe('a process that ends while it writes', () => {
  /** Runs until a partial file is there. */
  async function writing(body: string): Promise<ChildProcess> {
    const script = await program(body);
    const child = spawn(process.execPath, [script, at('file')], { stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
    await vi.waitFor(async () => expect((await readdir(folder)).join()).toMatch(/\.tmp/), {
      timeout: 20_000,
    });
    return child;
  }
  const left = async () => readdir(folder);
  const endless = `
    const piece = new Uint8Array(2 ** 16);
    const pieces = new Array(1e6).fill(piece);
    const { promises } = process.getBuiltinModule('node:fs');
    const handle = await promises.open(process.argv[1]);
    const proto = Object.getPrototypeOf(handle);
    proto.writeFile = async () => new Promise((done) => setTimeout(done, 50));`;

  test.each(['SIGINT', 'SIGTERM'] as const)('by %s, leaves no part of the file', async (signal) => {
    const child = await writing(`${endless} await writeFile(file, pieces);`);
    child.kill(signal);
    const ended = await new Promise((resolve) => child.on('exit', (_, by) => resolve(by)));
    expect(ended).toBe(signal);
    expect(await left()).toEqual([]);
  });

  test('by itself, leaves no part of the file', async () => {
    const child = await writing(`${endless}
      process.on('SIGINT', () => process.exit(7));
      await writeFile(file, pieces);`);
    child.kill('SIGINT');
    expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(7);
    expect(await left()).toEqual([]);
  });

  test('leaves no listeners behind when it is done', async () => {
    const count = () => ['exit', 'SIGINT', 'SIGTERM', 'SIGHUP'].map((name) => process.listenerCount(name));
    const before = count();
    await Promise.all(Array.from({ length: 20 }, (_, i) => writeFile(at(`f${i}`), 'x')));
    expect(count()).toEqual(before);
  });
});

test('can be aborted', async () => {
  await write(at('file'), 'old');
  await expect(writeFile(at('file'), 'new', { signal: AbortSignal.abort('no') })).rejects.toBe('no');
  expect(await text(at('file'))).toBe('old');
});
