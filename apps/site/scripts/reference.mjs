// What the reference has that TypeDoc by itself has not: packages by their names and with what they are, and pages that are quick to open.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { deflateSync } from 'node:zlib';
import { Comment, Converter, PageEvent, ReflectionKind, RendererEvent } from 'typedoc';

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getChildrenByKind(ReflectionKind.Module)) {
      // A package that another one exports first has nothing but references to it.
      if (module.children?.every(({ kind }) => kind === ReflectionKind.Reference) ?? true)
        throw new Error(
          `${module.name} has no exports of its own: it must stand before those that export them`,
        );
      const [folder, rest] = module.name.split(/\/src(?:\/parts)?/);
      const { name, description } = manifest(folder);
      module.name = name + rest;
      module.comment ??= new Comment([{ kind: 'text', text: description }]);
    }
  });
  app.renderer.on(PageEvent.END, (page) => {
    const html = quickPage(page.contents, navigationFile(packageOf(page.model)));
    page.contents = headingsInOrder(plainPermalinks(shortReferences(closedIndex(html))));
  });
  app.renderer.on(RendererEvent.END, ({ outputDirectory, project }) => {
    const assets = path.join(outputDirectory, 'assets');
    rmSync(path.join(assets, 'navigation.js'));
    const packages = app.renderer.theme.getNavigation(project);
    for (const open of [undefined, ...packages]) {
      const tree = packages.map((one) => (one === open ? one : { ...one, children: undefined }));
      const packed = deflateSync(JSON.stringify(tree)).toString('base64');
      writeFileSync(path.join(assets, navigationFile(open?.text)), `window.navigationData = "${packed}"`);
    }
  });
}

/** @param {string} folder of a package */
function manifest(folder) {
  return JSON.parse(
    readFileSync(new URL(`../../../packages/${folder}/package.json`, import.meta.url), 'utf8'),
  );
}

/** @param {import('typedoc').Reflection | undefined} shown */
function packageOf(shown) {
  if (!shown || shown.kind === ReflectionKind.Project) return undefined;
  return shown.kind === ReflectionKind.Module ? shown.name : packageOf(shown.parent);
}

/** The tree beside the pages of a package, in which it alone has branches: all of all packages take a phone a second. */
function navigationFile(packageName = 'none') {
  return `navigation-${packageName.replace(/\W+/g, '-')}.js`;
}

/**
 * A page on which an export of another package is a link to it, rather than its name, an arrow, the same name as the link, and
 * a link to this line: `octet` has a thousand of them.
 *
 * @param {string} html
 */
function shortReferences(html) {
  return html.replace(
    /<span>([^→]*)<\/span><span>\s→\s<\/span>(<a href="[^"]*">\1<\/a>)<a href="#[^"]*" aria-label="Permalink".*?<\/a>/g,
    '$2',
  );
}

/**
 * A page whose list of more than a hundred members is closed at first: before the members it takes several screens, and stands beside them.
 *
 * @param {string} html
 */
function closedIndex(html) {
  if (html.split('class="tsd-index-link').length <= 100) return html;
  return html.replace('<details class="tsd-index-content tsd-accordion" open>', (opened) =>
    opened.replace(' open', ''),
  );
}

/**
 * A page whose links to its own parts are a sign rather than a drawing in an element's shadow, of which long pages have hundreds.
 *
 * @param {string} html
 */
function plainPermalinks(html) {
  return html.replace(
    /(<a href="#[^"]*" aria-label="Permalink" class="tsd-anchor-icon">)<svg.*?<\/svg>/g,
    '$1#',
  );
}

/**
 * A page whose headings are one level below the one before at most, to those who have it read: TypeDoc leaves levels out. What
 * they look like goes by their names, which stay.
 *
 * @param {string} html
 */
function headingsInOrder(html) {
  let before = 0;
  return html.replace(/<h([1-6])/g, (heading, level) => {
    const isSkipped = Number(level) > before + 1;
    before = isSkipped ? before + 1 : Number(level);
    return isSkipped ? `${heading} aria-level="${before}"` : heading;
  });
}

/**
 * A page that shows at once, not with its tree; that searches when it is asked to; and that has a main part, for those who go
 * from one to the next.
 *
 * @param {string} html @param {string} navigation
 */
function quickPage(html, navigation) {
  const changes = [
    [/document\.body\.style\.display="none";setTimeout\(.*?,500\)/, ''],
    [/<script async src="(\S*\/)search\.js"/, '<script data-src="$1search.js"'],
    [/(<script async src="\S*\/)navigation\.js"/, `$1${navigation}"`],
    ['<div class="col-content">', '<div class="col-content" role="main">'],
  ];
  return changes.reduce((text, [found, put]) => {
    const next = text.replace(found, put);
    if (next === text) throw new Error(`TypeDoc's pages have no ${found} any more`);
    return next;
  }, html);
}
