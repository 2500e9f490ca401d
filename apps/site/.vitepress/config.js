import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitepress';

const repository = 'https://github.com/octet-js/octet';

/** @param {string} text @param {string} link */
const page = (text, link) => ({ text, link });

/** One of the apps. @param {string} text @param {string} name */
const app = (text, name) => ({ text, link: `/${name}/index.html`, target: '_self' });

const { version } = JSON.parse(
  readFileSync(new URL('../../../packages/octet/package.json', import.meta.url), 'utf8'),
);

/** Versions whose pages are beside these, by `pnpm site:releases`; beside those of an old one are the newest's. */
const { SITE_RELEASES, SITE_IS_OLD } = process.env;
const others = [
  // The pages of a version lie in a folder of the newest one's.
  ...(SITE_IS_OLD ? [{ text: 'The newest version', link: '../index.html', target: '_self' }] : []),
  ...(SITE_RELEASES || '')
    .split(',')
    .filter(Boolean)
    .map((release) => ({ text: `Version ${release}`, link: `/v${release}/index.html`, target: '_self' })),
];

/**
 * Below a block of code, `<!-- run -->` becomes a button that runs it.
 *
 * @param {import('vitepress').MarkdownRenderer} markdown
 */
function runnable({ renderer: { rules } }) {
  const usual = rules.html_block;
  rules.html_block = (tokens, i, ...rest) => {
    if (tokens[i].content.trim() !== '<!-- run -->') return usual?.(tokens, i, ...rest) ?? tokens[i].content;
    if (tokens[i - 1]?.type !== 'fence') throw new Error('<!-- run --> stands below no block of code');
    return `<RunCode code="${encodeURIComponent(tokens[i - 1].content)}" />`;
  };
}

export default defineConfig({
  title: 'Octet',
  description: 'Int8 neural networks in TypeScript, in Node and in the browser.',
  lang: 'en',
  // Where it is served: a project page of GitHub is under the name of its repository.
  base: process.env.SITE_BASE ?? '/',
  srcDir: 'dist/pages',
  outDir: 'dist/site',
  cacheDir: 'dist/cache',
  // What keeps colours from fading when the scheme changes costs two layouts of the whole page when it is loaded, too.
  appearance: { disableTransition: false },
  head: [['link', { rel: 'icon', href: `${process.env.SITE_BASE ?? '/'}icon.svg` }]],
  // Anchors as code hosts make them, which the tests of the documentation check.
  // The usual theme's first page has no main part for those who go from one to the next.
  transformHtml: (html) =>
    html.includes('<main') ? html : html.replace('id="VPContent"', 'id="VPContent" role="main"'),
  markdown: {
    config: runnable,
    // Those of the usual theme have too little contrast.
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    anchor: {
      slugify: (heading) =>
        heading
          .toLowerCase()
          .replace(/[^\p{L}\p{N}\s_-]/gu, '')
          .replaceAll(' ', '-'),
    },
  },
  // typedoc writes the reference when the pages are there; apps are no pages of VitePress.
  ignoreDeadLinks: [/^\/(api|studio|demo|bench|digits|v[\d.]+)\//],
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      page('Getting started', '/start'),
      {
        text: 'Try it',
        items: [
          app('Studio: your model in int8', 'studio'),
          app('Demo: text, in float and in int8', 'demo'),
          app('Bench: backends and engines', 'bench'),
          app('Draw a digit', 'digits'),
        ],
      },
      page('Layers', '/layers'),
      { text: 'Reference', link: '/api/index.html', target: '_self' },
      { text: 'Repository', link: repository },
      {
        text: `Version ${version}`,
        items: [page('What changed', `${repository}/releases`), ...others],
      },
    ],
    sidebar: [
      {
        text: 'Begin',
        items: [
          page('Getting started', '/start'),
          page('How it works', '/how-it-works'),
          page('Coming from PyTorch', '/from-pytorch'),
        ],
      },
      {
        text: 'Quantize',
        items: [
          page('Quantize your model', '/quantize'),
          page('Which recipe', '/recipes'),
          page('My int8 model lost accuracy', '/inspect'),
          page('ONNX', '/onnx'),
        ],
      },
      {
        text: 'Run',
        items: [
          page('Deploy', '/deploy'),
          page('Images, cameras and sound', '/inputs'),
          page('WebGPU', '/webgpu'),
          page('Troubleshooting', '/troubleshooting'),
        ],
      },
      {
        text: 'Look up',
        items: [
          page('Layers', '/layers'),
          page('ONNX operators', '/onnx-operators'),
          page('Performance', '/performance'),
          page('Numerics', '/numerics'),
          { text: 'Reference', link: '/api/index.html', target: '_self' },
        ],
      },
      {
        text: 'Extend',
        items: [
          page('Architecture', '/architecture'),
          page('Adding a kernel', '/adding-a-kernel'),
          page('Adding a backend', '/adding-a-backend'),
        ],
      },
    ],
    footer: { message: 'MIT licence' },
  },
});
