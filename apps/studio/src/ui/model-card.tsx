import { Table } from '@octet/web/table';
import { busy, downloadFloat, layers, model } from '../session';
import { big, bytes, count, shapeText } from './format';
import { GraphDrawing } from './graph-drawing';

/** What is in the model. */
export function ModelCard() {
  const info = model.value;
  if (!info) return null;
  const found = layers.value;
  return (
    <section class="card" aria-labelledby="model-title">
      <h2 id="model-title">{info.name}</h2>
      {info.network && (
        <div class="row">
          <span class="muted">Weights of {info.network}, for images of 224 × 224.</span>
          <button type="button" disabled={busy.value !== undefined} onClick={() => void downloadFloat()}>
            Download it as {info.name}
          </button>
        </div>
      )}
      <dl class="numbers">
        <div>
          <dt>File</dt>
          <dd>{bytes(info.fileBytes)}</dd>
        </div>
        <div>
          <dt>Parameters</dt>
          <dd>{big(info.parameters)}</dd>
        </div>
        <div>
          <dt>Multiplications</dt>
          <dd>{found ? big(found.macs) : <span class="muted">with inputs</span>}</dd>
        </div>
        <div>
          <dt>Takes</dt>
          <dd class="small">
            {info.inputs
              .map(({ name, dtype, shape }) => `${name}: ${dtype ?? 'numbers'} ${shapeText(shape)}`)
              .join('; ')}
          </dd>
        </div>
        <div>
          <dt>Gives</dt>
          <dd class="small">{info.outputs.join(', ')}</dd>
        </div>
      </dl>
      <details>
        <summary>Drawing of the graph: {count(info.drawing.boxes.length)} parts</summary>
        <GraphDrawing drawing={info.drawing} rows={found?.rows ?? []} />
      </details>
      {found && (
        <details>
          <summary>Layers: {count(found.rows.length)}</summary>
          <Table
            label="Layers"
            class="wide small"
            columns={[
              { title: 'Layer' },
              { title: 'Type' },
              { title: 'Output' },
              { title: 'Parameters', align: 'right' },
              { title: 'Multiplications', align: 'right' },
            ]}
            rows={found.rows.map(({ path, type, shape, parameters, macs }) => [
              path,
              type,
              shapeText(shape),
              parameters > 0 && count(parameters),
              macs > 0 && count(macs),
            ])}
          />
        </details>
      )}
    </section>
  );
}
