import { Chart } from '@octet/web/chart';
import { Table } from '@octet/web/table';
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { bytesChart, kindsChart, latencyChart, layersChart } from '../../src/compare/charts';
import type { CompareReport } from '../../src/compare/report';
import {
  agreementText,
  bytesText,
  compareMarkdown,
  latencyTable,
  layersTable,
  peersAbsent,
  peersTable,
  peersText,
  remarks,
  settingsText,
  titleOf,
  verdictText,
} from '../../src/compare/summary';
import { linkQuery } from './link';

export function Results({ report }: { report: CompareReport }) {
  const verdict = verdictText(report);
  const same = report.agreement?.same === true && report.absent.length === 0;
  return (
    <section class="card" aria-labelledby="results">
      <h2 id="results">{titleOf(report)}</h2>
      {verdict && <p class={same ? 'verdict' : 'muted'}>{verdict}</p>}
      <p class={same ? 'muted' : 'note'}>{agreementText(report)}</p>
      <p class="muted">{settingsText(report)}</p>
      {remarks(report).map((remark) => (
        <p key={remark} class="note">
          {remark}
        </p>
      ))}
      {report.results.length > 0 && (
        <>
          <Table label="Milliseconds by backend" {...latencyTable(report)} />
          <h3>Time</h3>
          <p class="muted small">
            Each backend at its own scale. A line shows where the middle half of the runs lies.
          </p>
          <Legend />
          <Chart svg={latencyChart(report)} />
          <h3>Bytes</h3>
          <Chart svg={bytesChart(report)} />
          <p class="muted">{bytesText(report)}</p>
          {report.peers && (
            <>
              <h3>Other engines</h3>
              <p class="muted small">{peersText}</p>
              <Table label="Milliseconds by engine" {...peersTable(report.peers)} />
              {peersAbsent(report.peers).map((text) => (
                <p key={text} class="muted small">
                  {text}
                </p>
              ))}
            </>
          )}
          <Layers report={report} />
        </>
      )}
      <Export report={report} />
    </section>
  );
}

function Layers({ report }: { report: CompareReport }) {
  const chosen = useSignal(report.results[0].backend);
  const result = report.results.find(({ backend }) => backend === chosen.value) ?? report.results[0];
  return (
    <>
      <h3>Layers</h3>
      <label class="choice">
        On
        <select
          name="layers"
          value={chosen}
          onChange={({ currentTarget }) => {
            chosen.value = currentTarget.value;
          }}
        >
          {report.results.map(({ backend }) => (
            <option key={backend}>{backend}</option>
          ))}
        </select>
      </label>
      <Legend />
      <h4>By kind</h4>
      <Chart svg={kindsChart(result)} />
      <h4>The slowest</h4>
      <Chart svg={layersChart(result)} />
      <details>
        <summary>The layers of all backends as a table</summary>
        <Table label="Milliseconds by layer" {...layersTable(report)} />
      </details>
    </>
  );
}

function Legend() {
  return (
    <p class="legend muted">
      <span>float32</span> <span class="accent">int8</span>
    </p>
  );
}

function Export({ report }: { report: CompareReport }) {
  const copied = useSignal('');
  const files = useMemo(() => {
    const name = `octet-${report.model}`;
    const file = (text: string, type: string) => URL.createObjectURL(new Blob([text], { type }));
    return [
      { title: 'JSON', name: `${name}.json`, url: file(JSON.stringify(report, null, 2), 'application/json') },
      { title: 'Markdown', name: `${name}.md`, url: file(`${compareMarkdown(report)}\n`, 'text/markdown') },
    ];
  }, [report]);
  const query = linkQuery(report, { run: true });
  const link = query && new URL(query, location.href).href;
  return (
    <div class="row">
      {files.map(({ title, name, url }) => (
        <a key={name} class="button" href={url} download={name}>
          Download {title}
        </a>
      ))}
      {link ? (
        <>
          <button
            type="button"
            onClick={async () => {
              try {
                await navigator.clipboard.writeText(link);
                copied.value = 'Copied.';
              } catch {
                copied.value = 'The browser does not let the page copy: copy the address of the link beside.';
              }
            }}
          >
            Copy link
          </button>
          <a href={link}>Run this again</a>
        </>
      ) : (
        <span class="muted">A link carries no file: “Run” runs it again.</span>
      )}
      <span role="status" class="muted">
        {copied}
      </span>
    </div>
  );
}
