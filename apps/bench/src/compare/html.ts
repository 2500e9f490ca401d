import { htmlPage } from '../html';
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

/** The results as a page with charts. */
export async function compareHtml(report: CompareReport): Promise<string> {
  const page = await htmlPage(titleOf(report));
  const { document, main } = page;
  page.add('p', settingsText(report));
  page.add('p', agreementText(report), { class: report.agreement?.same ? '' : 'note' });
  for (const remark of remarks(report)) page.add('p', remark, { class: 'note' });
  if (report.results.length > 0) {
    page.addTable(latencyTable(report));
    page.add('p', 'Upper bars are float32, lower bars int8.', { class: 'muted' });
    main.append(latencyChart(report, { width, document }));
    page.add('h2', 'Bytes');
    page.add('p', bytesText(report));
    main.append(bytesChart(report, { width, document }));
    for (const result of report.results) {
      page.add('h2', `Layers on ${result.backend}`);
      main.append(layersChart(result, { width, document }));
    }
    page.addTable(layersTable(report));
  }
  page.add('p', hostText(report), { class: 'muted' });
  return page.toString();
}
