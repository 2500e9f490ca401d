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
} from './summary';

/** Phones show it at half its size. */
const width = 720;

/** The results as a page with charts. */
export async function compareHtml(report: CompareReport): Promise<string> {
  const page = await htmlPage(titleOf(report));
  const options = { width, document: page.document };
  page.add('p', settingsText(report));
  page.add('p', agreementText(report), { class: report.agreement?.same ? '' : 'note' });
  for (const remark of remarks(report)) page.add('p', remark, { class: 'note' });
  if (report.results.length > 0) {
    page.addTable(latencyTable(report));
    page.add('p', '', { class: 'legend muted' }).innerHTML =
      '<span>float32</span> <span class="accent">int8</span>';
    page.append(latencyChart(report, options));
    page.add('h2', 'Bytes');
    page.add('p', bytesText(report));
    page.append(bytesChart(report, options));
    for (const result of report.results) {
      page.add('h2', `Layers on ${result.backend}`);
      page.append(layersChart(result, options));
    }
    page.addTable(layersTable(report));
  }
  page.add('p', hostText(report), { class: 'muted' });
  return page.toString();
}
