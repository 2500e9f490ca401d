import type { Kind } from '../model';
import measured from '../models/measured.json';
import { models, report, useShippedModels } from '../reader';
import { kilobytes, percent } from './format';

/** Both models side by side. */
export function ModelsTable() {
  const now = models.value;
  const row = (kind: Kind) =>
    now ? [percent(now.accuracy[kind], 2), kilobytes(now.checkpoints[kind].length)] : ['…', '…'];
  const ratio = now && now.checkpoints.int8.length / now.checkpoints.float.length;
  return (
    <section class="card" aria-labelledby="models-title">
      <h2 id="models-title">The two models</h2>
      <table class="wide">
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col" class="number">
              Accuracy
            </th>
            <th scope="col" class="number">
              File
            </th>
          </tr>
        </thead>
        <tbody>
          {(['float', 'int8'] as const).map((kind) => {
            const [accuracy, file] = row(kind);
            return (
              <tr key={kind}>
                <th scope="row">{kind === 'float' ? 'Float, 32 bits' : 'Int8'}</th>
                <td class="number">{accuracy}</td>
                <td class="number">{file}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <p class="muted small">
        Accuracy on {measured.heldOut.toLocaleString('en')} digits of MNIST that neither model learned from.
        {ratio && ` The int8 file is ${percent(ratio, 0)} of the float one.`}
      </p>
      {now?.origin === 'trained here' && (
        <div class="row">
          <p>These are the models you trained.</p>
          <button type="button" onClick={() => void useShippedModels().catch(report)}>
            Use the shipped models again
          </button>
        </div>
      )}
    </section>
  );
}
