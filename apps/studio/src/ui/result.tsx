import { Table } from '@octet/web/table';
import { busy, compareSample, model, outcome, pair, sampleCount } from '../session';
import { bytes, decibels, inputsText, milliseconds, sqnr, timesAsFast } from './format';
import { LayerCosts } from './layer-costs';
import { OutputView } from './output-view';

/** What int8 costs: the verdict, then both models on an input. */
export function Result() {
  const { report, int8Bytes } = outcome.value ?? {};
  if (!report || int8Bytes === undefined) return null;
  const fileBytes = model.value?.fileBytes ?? 1;
  const noisy = report.after.filter((db) => db !== null);
  const worst = noisy.length > 0 ? Math.min(...noisy) : null;
  const { inFloat } = report;
  return (
    <section class="card" aria-labelledby="result-title">
      <h2 id="result-title">
        {worst === null ? 'Exactly as in float' : `${decibels(worst)} in the worst output`}
      </h2>
      {report.warnings.map((text) => (
        <p key={text} class="note">
          {text}
        </p>
      ))}
      <dl class="numbers">
        <div>
          <dt>File</dt>
          <dd>
            {bytes(int8Bytes)}{' '}
            <span class="small muted">
              of {bytes(fileBytes)} ({(int8Bytes / fileBytes).toFixed(2)})
            </span>
          </dd>
        </div>
        <div>
          <dt>A call, here</dt>
          <dd>
            {milliseconds(report.ms.int8)}{' '}
            <span class="small muted">
              of {milliseconds(report.ms.float)}
              {timesAsFast(report.ms.float, report.ms.int8)}
            </span>
          </dd>
        </div>
        <div>
          <dt>Judged on</dt>
          <dd>
            {inputsText(report.inputs.judgement)}{' '}
            <span class="small muted">
              {report.judgedOnOwn ? 'that chose ranges or cures, too' : 'that chose nothing'}
            </span>
          </dd>
        </div>
      </dl>
      {report.cures.length > 0 && (
        <Table
          label="Cures"
          class="wide small"
          columns={[
            { title: 'Cure' },
            { title: 'Gained', align: 'right' },
            { title: 'Kept' },
            { title: 'Took', align: 'right' },
            { title: 'What it did' },
          ]}
          rows={report.cures.map(({ cure, gainDb, kept, what, seconds }) => [
            cure,
            gainDb === null ? '–' : `${gainDb >= 0 ? '+' : ''}${gainDb.toFixed(1)} dB`,
            kept ? 'yes' : 'no',
            `${seconds.toFixed(1)} s`,
            what,
          ])}
        />
      )}
      <LayerCosts />
      {inFloat.length > 0 && (
        <details>
          <summary>Layers and functions that stay in float: {inFloat.length}</summary>
          <ul class="small">
            {inFloat.map(({ path, type, reason }) => (
              <li key={path}>
                {path} ({type}): {String(reason)}
              </li>
            ))}
          </ul>
        </details>
      )}
      <SideBySide />
    </section>
  );
}

function SideBySide() {
  const now = pair.value;
  if (!now) return null;
  return (
    <>
      <h3>Side by side</h3>
      <div class="row small">
        <label>
          Input{' '}
          <select
            aria-label="Input that is shown"
            disabled={busy.value !== undefined}
            onChange={(event) => void compareSample(Number(event.currentTarget.value))}
          >
            {Array.from({ length: sampleCount.value }, (_, i) => (
              <option key={i} value={i}>
                {i + 1}
              </option>
            ))}
          </select>
        </label>
        <span class="muted">
          {now.from}; float {milliseconds(now.ms.float)}, int8 {milliseconds(now.ms.int8)}
        </span>
      </div>
      <figure class="seen">
        <OutputView name="input" shape={now.input.shape} data={now.input.data} />
        <figcaption class="muted small">The input</figcaption>
      </figure>
      {now.outputs.map(({ name, shape, float, int8 }) => (
        <div key={name}>
          <h4>
            {name}{' '}
            <span class="muted small">
              [{shape.join(', ')}], {decibels(sqnr(float, int8))} on this input
            </span>
          </h4>
          <div class="pair">
            <figure>
              <figcaption class="muted small">Float</figcaption>
              <OutputView name={`${name} in float`} shape={shape} data={float} />
            </figure>
            <figure>
              <figcaption class="muted small">Int8</figcaption>
              <OutputView name={`${name} in int8`} shape={shape} data={int8} like={float} />
            </figure>
          </div>
        </div>
      ))}
    </>
  );
}
