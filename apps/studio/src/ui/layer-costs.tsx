import { Table } from '@octet/web/table';
import { canQuantize, makeAgain, outcome, settings } from '../session';
import { decibels } from './format';

const SHOWN = 8;

/** The layers that cost most, and those that were left in float: each can be left in float, or no more. */
export function LayerCosts() {
  const { report } = outcome.value ?? {};
  const { exclude } = settings.value;
  const costly = report?.layers.filter(({ share }) => share > 0).slice(0, SHOWN) ?? [];
  const left =
    report?.layers.filter((layer) => exclude.includes(layer.path) && !costly.includes(layer)) ?? [];
  if (costly.length === 0 && left.length === 0) return null;
  const set = (path: string, inFloat: boolean) => {
    const others = exclude.filter((other) => other !== path);
    settings.value = { ...settings.value, exclude: inFloat ? [...others, path] : others };
  };
  return (
    <>
      <h3>What costs most</h3>
      <p class="muted small">
        The noise of each layer with nothing but this layer in int8. What makes most of it can stay in float,
        at the price of size and speed.
      </p>
      <Table
        label="Layers that cost most"
        class="wide small"
        columns={[
          { title: 'Layer' },
          { title: 'In float' },
          { title: 'Part of the noise' },
          { title: 'Alone', align: 'right' },
          { title: 'Type' },
        ]}
        rows={[...costly, ...left].map(({ path, type, sqnrDb, share }) => [
          path,
          type !== 'QuantStub' && (
            <input
              key="in-float"
              type="checkbox"
              aria-label={`${path} stays in float`}
              checked={exclude.includes(path)}
              onChange={(event) => set(path, event.currentTarget.checked)}
            />
          ),
          <div class="share" key="share">
            <div class="share-bar" style={{ width: `${100 * share}%` }} />
            <span>{(100 * share).toFixed(0)} %</span>
          </div>,
          sqnrDb === null ? '–' : decibels(sqnrDb),
          type,
        ])}
      />
      <button type="button" disabled={!canQuantize.value} onClick={() => void makeAgain()}>
        Make it once more, with {exclude.length === 0 ? 'none' : exclude.length} of them in float
      </button>
    </>
  );
}
