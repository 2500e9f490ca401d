import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import path from 'node:path';
import { executablePath, launch } from '@octet/browser-tests/chromium';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Project } from '../src/project';

// Examples that are projects of their own, built and run as their users would.

process.env.NEXT_TELEMETRY_DISABLED = '1';
process.env.WRANGLER_SEND_METRICS = 'false';

/** Runs a server of a project until the test is over. Returns its address when it answers. */
async function serving(project: Project, program: string, ...args: string[]): Promise<string> {
  const port = await freePort();
  // A process group, so that what the server starts ends with it.
  const server = spawn(process.execPath, [program, ...args, '--port', `${port}`], {
    cwd: project.folder,
    detached: true,
  });
  let said = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (text) => (said += text));
  onTestFinished(() => end(server));
  const url = `http://localhost:${port}/`;
  while (server.exitCode === null) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer) return url;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${program} ended: ${said}`);
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || !server.pid) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  process.kill(-server.pid, 'SIGTERM');
  await ended;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

const tool = (project: Project, file: string) => path.join(project.folder, 'node_modules', file);

let workers: Project;
/** What the network of both examples gives on the reference backend. */
let scores: number[];
beforeAll(async () => {
  workers = await Project.ofExample('workers');
  const printed = await workers.evaluate(`
    const { makePlan, scores } = await import('./src/model.js');
    console.log(JSON.stringify(await scores(await makePlan(), 1)));
  `);
  scores = JSON.parse(printed);
});

test('the example for Cloudflare Workers gives the same numbers in workerd', async () => {
  const url = await serving(workers, tool(workers, 'wrangler/bin/wrangler.js'), 'dev');
  const answer = await (await fetch(`${url}?seed=1`)).json();
  expect(answer).toEqual({ backend: 'wasm-simd', variant: 'simd', threads: 1, scores });
});

test('without wasmModule, workerd has an error that names it', async () => {
  const index = workers.read('src/index.js');
  workers.write(
    'src/index.js',
    `import { createWasmBackend } from '@octet/backend-wasm-simd';
export default { fetch: () => createWasmBackend().then(() => new Response('made'), (error) => new Response(error)) };
`,
  );
  onTestFinished(() => workers.write('src/index.js', index));
  const url = await serving(workers, tool(workers, 'wrangler/bin/wrangler.js'), 'dev');
  const said = await (await fetch(url)).text();
  expect(said).toMatch(
    /^BackendError: createWasmBackend: .* disallowed by embedder\. Import '@octet\/backend-wasm-simd\/simd\.wasm'/,
  );
  expect(said).toContain('give it as wasmModule');
});

describe('the example for Next.js', () => {
  let project: Project;
  beforeAll(async () => {
    project = await Project.ofExample('nextjs');
  });

  test.each(['turbopack', 'webpack'])(
    'built by %s, gives the same numbers',
    async (bundler) => {
      const next = tool(project, 'next/dist/bin/next');
      await project.run(process.execPath, next, 'build', `--${bundler}`);
      const url = await serving(project, next, 'start');
      const run = { backend: 'wasm-simd', scores };
      expect(await (await fetch(`${url}api/scores?seed=1`)).json(), 'in the route handler').toEqual(run);
      if (!executablePath) return; // said by the module that looks for it
      const browser = await launch();
      onTestFinished(() => browser.close());
      const page = await browser.newPage();
      await page.goto(url);
      const output = page.locator('output').filter({ hasNotText: 'running' });
      expect(JSON.parse((await output.textContent()) ?? ''), 'in the client component').toEqual(run);
    },
    600_000,
  );
});
