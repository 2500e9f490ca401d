import { Table } from '@octet/web/table';
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
      <Table
        label="Accuracy and size"
        class="wide"
        columns={[
          { title: 'Model' },
          { title: 'Accuracy', align: 'right' },
          { title: 'File', align: 'right' },
        ]}
        rows={[
          ['Float, 32 bits', ...row('float')],
          ['Int8', ...row('int8')],
        ]}
      />
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
