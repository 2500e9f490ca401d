import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseHTML } from 'linkedom';
import type { TableData } from '../table-data';
import { bytesChart, latencyChart, layersChart } from './charts';
import type { CompareReport } from './report';
import {
  agreementText,
  bytesText,
  hostText,
  latencyTable,
  layersTable,
  remarks,
  settingsText,
  titleOf,
} from './tables';

const width = 860;

/** The results as a page in one file, with charts and without scripts, that needs no network. */
export async function compareHtml(report: CompareReport): Promise<string> {
  const { document } = parseHTML('<!doctype html><html lang="en"><head></head><body></body></html>');
  const add = (parent: Element, name: string, text = '', attributes: Record<string, string> = {}) => {
    const element = document.createElement(name);
    element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent.append(element);
    return element;
  };
  const addTable = (parent: Element, { columns, rows }: TableData) => {
    const table = add(add(parent, 'div', '', { class: 'scroll' }), 'table');
    const line = (cells: readonly string[], name: string) => {
      const row = add(table, 'tr');
      for (const [i, cell] of cells.entries())
        add(row, name, cell, columns[i].align === 'right' ? { class: 'number' } : {});
    };
    line(
      columns.map(({ title }) => title),
      'th',
    );
    for (const row of rows) line(row, 'td');
  };

  const { head, body } = document;
  add(head, 'meta', '', { charset: 'utf-8' });
  add(head, 'meta', '', { name: 'viewport', content: 'width=device-width, initial-scale=1' });
  add(head, 'title', titleOf(report));
  add(head, 'style', await styles());
  const main = add(body, 'main', '', { class: 'page report' });
  add(main, 'h1', titleOf(report));
  add(main, 'p', settingsText(report));
  add(main, 'p', agreementText(report), { class: report.agreement?.same ? '' : 'note' });
  for (const remark of remarks(report)) add(main, 'p', remark, { class: 'note' });
  if (report.results.length > 0) {
    addTable(main, latencyTable(report));
    add(main, 'p', 'Upper bars are float32, lower bars int8.', { class: 'muted' });
    main.append(latencyChart(report, { width, document }));
    add(main, 'h2', 'Bytes');
    add(main, 'p', bytesText(report));
    main.append(bytesChart(report, { width, document }));
    for (const result of report.results) {
      add(main, 'h2', `Layers on ${result.backend}`);
      main.append(layersChart(result, { width, document }));
    }
    addTable(main, layersTable(report));
  }
  add(main, 'p', hostText(report.host), { class: 'muted' });
  return `${document.toString()}\n`;
}

/** The theme of the pages, and what the charts need. */
async function styles(): Promise<string> {
  const theme = await readFile(fileURLToPath(import.meta.resolve('@octet/web/theme.css')), 'utf8');
  return `${theme}
:root { --float: #8b929b; }
.report > * { margin-block: 1rem; }
.report svg { display: block; }
.scroll { overflow-x: auto; }`;
}
