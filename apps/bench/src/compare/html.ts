import { page } from '@octet/report';
import { element, htmlTable } from '../html';
import { bytesChart, kindsChart, latencyChart, layersChart } from './charts';
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
  verdictText,
} from './summary';

/** The results as a page with charts. */
export function compareHtml(report: CompareReport): string {
  const title = titleOf(report);
  return page(title, [
    '<main>',
    element('h1', title),
    element('p', verdictText(report) ?? ''),
    element('p', settingsText(report)),
    element('p', agreementText(report), report.agreement?.same ? '' : 'note'),
    ...remarks(report).map((remark) => element('p', remark, 'note')),
    ...(report.results.length > 0 ? figures(report) : []),
    element('p', hostText(report), 'muted'),
    '</main>',
  ]);
}

function figures(report: CompareReport): string[] {
  const key = (style: string, name: string) => `<span class="key" style="${style}"></span>${name}`;
  const legend = `<p class="muted">${key('background:var(--plain);margin-left:0', 'float32')} ${key('background:var(--accent)', 'int8')}</p>`;
  return [
    htmlTable(latencyTable(report), 'Milliseconds by backend'),
    legend,
    latencyChart(report),
    element('h2', 'Bytes'),
    element('p', bytesText(report)),
    bytesChart(report),
    ...report.results.flatMap((result) => [
      element('h2', `Layers on ${result.backend}`),
      legend,
      kindsChart(result),
      layersChart(result),
    ]),
    htmlTable(layersTable(report), 'Milliseconds by layer'),
  ];
}
