import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { BackendError, extendBackend, profiles } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { UsageError } from '@octet/cli/errors';
import { describe, expect, test } from 'vitest';
import { type CompareOptions, compare, type Step } from '../src/compare/compare';
import type { Peer } from '../src/compare/peers';
import type { ComparePlan } from '../src/compare/plan';
import type { CompareReport } from '../src/compare/report';
import { agreementText, compareMarkdown, remarks, verdictText } from '../src/compare/summary';
import { hostInfo } from '../src/host';
import { backendFrom } from '../src/pick-backend';
import { linkQuery, ownAddress, problemsOf, readLink } from '../web/src/link';
import { fixture, runCli, temporaryFolder } from './run-cli';

const tiny: ComparePlan = { model: 'digits', backends: ['js'], batch: 1, size: 7, runs: 1, threads: 1 };
const positive = expect.toSatisfy((n: unknown) => typeof n === 'number' && n > 0);

async function run(
  plan: Partial<ComparePlan>,
  load: CompareOptions['load'] = async () => referenceBackend,
  options: Partial<CompareOptions> = {},
): Promise<{ report: CompareReport; steps: Step[] }> {
  const steps: Step[] = [];
  const running = compare({ ...tiny, ...plan }, { load, host: hostInfo(), ...options });
  for (;;) {
    const { done, value } = await running.next();
    if (done) return { report: value, steps };
    steps.push(value);
  }
}

describe('compare', () => {
  test('counts its steps, and gives every backend its part', async () => {
    const { report, steps } = await run({ backends: ['js', 'again'], runs: 3 });
    expect(steps.map(({ done }) => done)).toEqual(Array.from({ length: 18 }, (_, i) => i));
    expect(new Set(steps.map(({ total }) => total))).toEqual(new Set([17]));
    expect(report).toMatchObject({
      ...tiny,
      backends: ['js', 'again'],
      runs: 3,
      bytes: { fp32: positive, int8: positive },
      absent: [],
      agreement: { against: 'js', same: true, differ: [] },
    });
    expect(report.results.map(({ checksum }) => checksum)).toEqual([
      expect.stringMatching(/^[0-9a-f]{8}$/),
      report.results[0].checksum,
    ]);
    expect(report.results[1]).toMatchObject({
      name: 'js',
      fp32: { medianMs: positive, minMs: positive, middleMs: [positive, positive] },
      int8: { medianMs: positive, minMs: positive, middleMs: [positive, positive] },
      speedup: positive,
    });
    expect(verdictText(report)).toMatch(
      /^int8 (is|takes) [\d.]+ × as (fast|long) as float32 on (js|again) and has 0\.\d\d of its size; the same integers on 2 backends\.$/,
    );
    expect(agreementText(report)).toBe('All 2 backends (js and again) gave the same integers.');
    const absent = [{ backend: './nope.js', reason: 'status 404' }];
    expect(agreementText({ ...report, absent })).toBe(
      'js and again gave the same integers. ./nope.js did not run.',
    );
  });

  test('engines beside: times, agreement, and each reason why one did not run once', async () => {
    const seen: Record<string, number> = {};
    const peers: Peer[] = ['first', 'other', 'absent'].map((name) => ({
      name,
      async start({ onnx, inputs, networks }, dtype) {
        if (name === 'absent') throw new Error('it is not there');
        seen[`${name} ${dtype}`] = onnx[dtype].length;
        expect(inputs[0].shape).toEqual([1, 1, 7, 7]);
        expect(networks[dtype]).toBeDefined();
        return { version: '1.0', run: async () => (name === 'first' ? [1, 2, 4] : [-1, -2, -4]) };
      },
    }));
    const { report, steps } = await run({ runs: 2 }, undefined, { peers });
    expect(steps.at(-1)?.done).toBe(steps.at(-1)?.total);
    expect(steps.every(({ done, total }, i) => done <= total && (i === 0 || done > steps[i - 1].done))).toBe(
      true,
    );
    expect(seen['first int8']).toBeLessThan(seen['first float32']);
    expect(report.peers?.rows.map(({ engine, dtype, correlation }) => [engine, dtype, correlation])).toEqual([
      ['first', 'float32', 1],
      ['first', 'int8', 1],
      ['other', 'float32', -1],
      ['other', 'int8', -1],
    ]);
    const markdown = compareMarkdown(report);
    expect(markdown).toContain('## Other engines');
    expect(markdown).toContain('absent did not run in float32 and int8: it is not there.');
    await expect(run({ model: 'own' })).rejects.toThrow(UsageError);
  });

  test('skips float32 where a backend has the int8 kernels only, and says so', async () => {
    const kernels = Object.fromEntries(
      profiles['inference-int8'].map((name) => [name, referenceBackend.kernels[name]]),
    );
    const int8Only = Object.assign(Object.create(referenceBackend), { name: 'int8-only', kernels });
    const { report } = await run({ backends: ['js', 'mine'] }, async (name) =>
      name === 'js' ? referenceBackend : int8Only,
    );
    expect(report.absent).toEqual([]);
    expect(report.agreement).toEqual({ against: 'js', same: true, differ: [] });
    expect(report.results[1]).toMatchObject({ fp32: null, speedup: null, int8: { medianMs: positive } });
    expect(report.results[1].layers.every(({ fp32, int8 }) => fp32 === null && int8 !== null)).toBe(true);
    expect(remarks(report)).toEqual([
      expect.stringMatching(/^float32 was skipped on mine: it has no kernel '\w+'\.$/),
    ]);
    expect(compareMarkdown(report)).toContain('float32 was skipped on mine');
  });

  test('finds a wrong kernel, and the first layer that it spoils', async () => {
    const { qadd } = referenceBackend.kernels;
    if (typeof qadd !== 'function') throw new Error('qadd has become a kernel that packs');
    const wrong = extendBackend(referenceBackend, {
      name: 'wrong',
      kernels: {
        qadd(tensors, attrs) {
          qadd(tensors, attrs);
          tensors.y.buffer.data[0] ^= 1;
        },
      },
    });
    const backends = { wrong, js: referenceBackend };
    const { report } = await run({ backends: ['wrong', 'js'] }, async (name) =>
      name === 'wrong' ? backends.wrong : backends.js,
    );
    expect(report.agreement).toEqual({
      against: 'js',
      same: false,
      differ: [{ backend: 'wrong', layer: expect.stringMatching(/^layers\.4/) }],
    });
    expect(agreementText(report)).toMatch(/differ from those of js: wrong \(first at layers\.4/);
  });

  test('a backend that is not to be had, or fails, is absent with its reason; others run', async () => {
    const failing = extendBackend(referenceBackend, {
      name: 'failing',
      kernels: {
        conv2d() {
          throw new Error('out of steam');
        },
      },
    });
    const { report } = await run({ backends: ['none', 'failing', 'js'] }, async (name) => {
      if (name === 'js') return referenceBackend;
      if (name === 'failing') return failing;
      throw new BackendError({ op: 'load', expected: 'SIMD', found: 'none', fix: 'Use js.' });
    });
    expect(report.absent).toEqual([
      { backend: 'none', reason: expect.stringContaining('expected SIMD') },
      { backend: 'failing', reason: 'out of steam' },
    ]);
    expect(report.agreement).toEqual({ against: 'js', same: true, differ: [] });
    expect(remarks(report)).toContain('failing did not run: out of steam');
    expect(compareMarkdown(report)).toContain('failing did not run: out of steam');
  });

  test('nothing ran', async () => {
    const { report } = await run({}, async () => {
      throw new Error('no');
    });
    expect(report.agreement).toBeNull();
    expect(compareMarkdown(report)).toMatch(/No backend ran\.\n\njs did not run: no\n/);
  });

  test('ends between two runs when it is told to, and hands the backend back', async () => {
    const controller = new AbortController();
    let disposed = 0;
    const backend = extendBackend(referenceBackend, { name: 'mine', kernels: {} });
    backend.dispose = () => {
      disposed++;
    };
    const load = async () => {
      setTimeout(() => controller.abort(new Error('enough')));
      return backend;
    };
    await expect(run({ runs: 1000 }, load, { signal: controller.signal })).rejects.toThrow('enough');
    expect(disposed).toBe(1);
  });

  test('a wrong name ends it', async () => {
    const load = async () => {
      throw new UsageError({ op: 'x', expected: 'a', found: 'b', fix: 'c' });
    };
    await expect(run({}, load)).rejects.toThrow(UsageError);
  });
});

test('a backend’s module may take the reference to build on', async () => {
  const { backend } = await backendFrom(
    { default: ({ reference }: { reference: object }) => ({ ...reference, name: 'mine' }) },
    './mine.js',
    { threads: 1 },
  );
  expect(backend.name).toBe('mine');
  expect(backend.kernels).toBe(referenceBackend.kernels);
});

describe('links', () => {
  test('say a plan, and are read again', () => {
    const plan: ComparePlan = { ...tiny, backends: ['js', './a b.js'], threads: 3 };
    const query = `${linkQuery(plan, { run: true })}`;
    expect(readLink(query, ['wasm'])).toEqual({ plan, run: true, problems: [] });
    expect(readLink(`${linkQuery(plan, { run: false })}`, ['wasm']).run).toBe(false);
  });

  test('say engines, and nothing of a file', () => {
    const plan: ComparePlan = { ...tiny, engines: ['onnxruntime-web', 'tfjs'] };
    expect(readLink(`${linkQuery(plan, { run: true })}`, ['wasm'])).toEqual({
      plan,
      run: true,
      problems: [],
    });
    expect(readLink('?engines=tfjs,torch', []).problems).toEqual([
      { text: "The link asks for an engine 'torch', which is not there." },
    ]);
    expect(linkQuery({ ...tiny, model: 'own' }, { run: true })).toBeUndefined();
  });

  test('leave out what is usual', () => {
    const plan = { model: 'mobilenetv2', backends: ['wasm'], batch: 1, size: 224, runs: 10, threads: 1 };
    expect(readLink('?model=mobilenetv2', ['wasm'])).toEqual({ plan, run: false, problems: [] });
  });

  test('that ask for what can’t be say so, and don’t run', () => {
    const { plan, run, problems } = readLink('?model=toString&batch=1.5&runs=1001&size=&run', ['wasm']);
    expect(plan).toMatchObject({ model: 'tutorial', batch: 1, runs: 10, size: 64 });
    expect(run).toBe(false);
    expect(problems).toHaveLength(4);
  });

  test('a plan needs backends and whole numbers', () => {
    expect(problemsOf(tiny)).toEqual([]);
    expect(problemsOf({ ...tiny, backends: [], batch: Number.NaN })).toEqual([
      { field: 'batch', text: '“Images at once” takes a whole number from 1 to 256.' },
      { field: 'backend', text: 'Choose at least one backend.' },
    ]);
  });

  test('only modules of the page’s own origin', () => {
    const page = 'https://site.example/under/page/?model=seed';
    expect(ownAddress('./mine.js', page)).toBe('https://site.example/under/page/mine.js');
    expect(ownAddress('/mine.js', page)).toBe('https://site.example/mine.js');
    for (const elsewhere of [
      'https://other.example/mine.js',
      '//other.example/mine.js',
      'http://site.example/mine.js',
      'https://site.example:8443/mine.js',
      'data:text/javascript,1',
      'blob:https://site.example/1',
      'https://',
    ])
      expect(() => ownAddress(elsewhere, page), elsewhere).toThrow('is not of this page');
  });
});

describe('the command', () => {
  const args = ['compare', '--model', 'digits', '--size', '7', '--runs', '1'];

  test('shows a table, and writes JSON, Markdown and a page', async () => {
    const folder = await temporaryFolder();
    const file = (name: string) => path.join(folder, name);
    const files = ['--json', file('c.json'), '--markdown', file('c.md'), '--html', file('c.html')];
    const { code, stdout, stderr } = await runCli([
      ...args,
      '--backends',
      'wasm,js',
      '--threads',
      '2',
      ...files,
    ]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^Digit classifier, 1 image of 7 × 7\n\nbackend /);
    expect(stdout).toContain('\nAll 2 backends (wasm and js) gave the same integers.\n');
    expect(stdout).not.toContain('\x1b');
    expect(stderr).toContain('Comparing 13/13  Done\n');
    const report = JSON.parse(await readFile(file('c.json'), 'utf8'));
    expect(report).toMatchObject({ command: 'compare', backends: ['wasm', 'js'], agreement: { same: true } });
    expect(await readFile(file('c.md'), 'utf8')).toBe(`${compareMarkdown(report)}\n`);
    const html = await readFile(file('c.html'), 'utf8');
    expect(html.match(/<svg[^>]* role="img"/g)).toHaveLength(6);
    expect(html).not.toMatch(/<script|<link|\b(?:src|href)=/);
  });

  test('ends with 1 where the integers differ', async () => {
    const { code, stdout, stderr } = await runCli([
      ...args,
      '--backends',
      `js,${fixture('wrong-backend.mjs')}`,
    ]);
    expect(code).toBe(1);
    expect(stdout).toContain('The integers differ from those of js');
    expect(stderr).toContain('expected the integers of js from every backend, found others from');
  });
});
