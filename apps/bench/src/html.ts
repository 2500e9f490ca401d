import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseHTML } from 'linkedom';
import type { TableData } from './columns';

/** A page in one file, without scripts, that needs no network. */
export interface HtmlPage {
  document: Document;
  /** Adds an element below all others. */
  add(name: string, text: string, attributes?: Record<string, string>): Element;
  append(element: Element): void;
  addTable(table: TableData): void;
  toString(): string;
}

/** A page with nothing but its title, in the theme of the repository's pages. */
export async function htmlPage(title: string): Promise<HtmlPage> {
  const { document } = parseHTML('<!doctype html><html lang="en"><head></head><body></body></html>');
  const { head, body } = document;
  const addTo = (parent: Element, name: string, text = '', attributes: Record<string, string> = {}) => {
    const element = document.createElement(name);
    element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent.append(element);
    return element;
  };
  addTo(head, 'meta', '', { charset: 'utf-8' });
  addTo(head, 'meta', '', { name: 'viewport', content: 'width=device-width, initial-scale=1' });
  addTo(head, 'title', title);
  addTo(head, 'style', await styles());
  const main = addTo(body, 'main', '', { class: 'page report' });
  addTo(main, 'h1', title);
  return {
    document,
    add: (name, text, attributes) => addTo(main, name, text, attributes),
    append: (element) => main.append(element),
    addTable({ columns, rows }) {
      const table = addTo(addTo(main, 'div', '', { class: 'scroll' }), 'table');
      const addRow = (parent: Element, cells: readonly string[], name: string) => {
        const row = addTo(parent, 'tr');
        for (const [i, cell] of cells.entries())
          addTo(row, name, cell, columns[i].align === 'right' ? { class: 'number' } : {});
      };
      const titles = columns.map(({ title }) => title);
      addRow(addTo(table, 'thead'), titles, 'th');
      const body = addTo(table, 'tbody');
      for (const row of rows) addRow(body, row, 'td');
    },
    toString: () => `${document.toString()}\n`,
  };
}

async function styles(): Promise<string> {
  const theme = await readFile(fileURLToPath(import.meta.resolve('@octet/web/theme.css')), 'utf8');
  return `${theme}
.report > * { margin-block: 1rem; }
.report svg { display: block; }`;
}
