import { lstat, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { runCli, temporaryFolder } from './run-cli';

const tinyGemm = ['gemm', '--k', '64', '--ms', '1'];

test.each(['-', '/dev/stdout'])(
  '--json %s: only JSON on standard output, the tables on standard error',
  async (to) => {
    const cwd = await temporaryFolder();
    const { code, stdout, stderr } = await runCli([...tinyGemm, '--json', to], { cwd });
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ command: 'gemm' });
    expect(stderr).toMatch(/GMAC|ceiling/);
    expect(await readdir(cwd)).toEqual([]);
  },
);

test('a link is followed; what cannot be written is refused before the work', async () => {
  const cwd = await temporaryFolder();
  await writeFile(path.join(cwd, 'target.json'), 'old');
  await symlink('target.json', path.join(cwd, 'link.json'));
  expect((await runCli([...tinyGemm, '--json', 'link.json'], { cwd })).code).toBe(0);
  expect((await lstat(path.join(cwd, 'link.json'))).isSymbolicLink()).toBe(true);
  const written = await readFile(path.join(cwd, 'target.json'), 'utf8');
  expect(JSON.parse(written)).toMatchObject({ command: 'gemm' });

  await writeFile(path.join(cwd, 'kept.json'), 'kept', { mode: 0o444 });
  const refused = await runCli([...tinyGemm, '--json', 'kept.json'], { cwd });
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toMatch(/--json: expected the path of a file .*read-only/);
  expect(await readFile(path.join(cwd, 'kept.json'), 'utf8')).toBe('kept');

  // Two reports in one stream are of no use.
  await writeFile(path.join(cwd, 'gemm.json'), written);
  const into = ['compare', '--json', '-', '--markdown', '-'];
  expect(await runCli(into, { cwd })).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('--json, --markdown: expected at most one file on standard output'),
  });
  // The figures of a page go through links, too.
  await writeFile(path.join(cwd, 'page.md'), '<!-- bench gemm -->old<!-- /bench -->');
  await symlink('page.md', path.join(cwd, 'page-link.md'));
  expect((await runCli(['tables', 'gemm.json', '--into', 'page-link.md'], { cwd })).code).toBe(0);
  expect((await lstat(path.join(cwd, 'page-link.md'))).isSymbolicLink()).toBe(true);
  expect(await readFile(path.join(cwd, 'page.md'), 'utf8')).not.toContain('old');
});

test('digits: a folder that can’t take the checkpoints is refused before training', async () => {
  const cwd = await temporaryFolder();
  await writeFile(path.join(cwd, 'taken'), '');
  const { code, stderr, stdout } = await runCli(['digits', '--out', 'taken/x'], { cwd });
  expect(code).toBe(2);
  expect(stderr).toMatch(/--out: expected .*no folder/);
  expect(stdout).toBe('');
});
