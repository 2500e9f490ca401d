import { canQuantize, makeAgain, outcome, settings } from '../session';
import { decibels } from './format';
import { Scroll } from './scroll';

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
      <Scroll label="Layers that cost most">
        <table class="wide small">
          <thead>
            <tr>
              <th scope="col">Layer</th>
              <th scope="col">Type</th>
              <th scope="col" class="number">
                Alone
              </th>
              <th scope="col">Part of the noise</th>
              <th scope="col">In float</th>
            </tr>
          </thead>
          <tbody>
            {[...costly, ...left].map(({ path, type, sqnrDb, share }) => (
              <tr key={path}>
                <th scope="row">{path}</th>
                <td>{type}</td>
                <td class="number">{sqnrDb === null ? '–' : decibels(sqnrDb)}</td>
                <td class="share">
                  <div class="share-bar" style={{ width: `${100 * share}%` }} />
                  <span>{(100 * share).toFixed(0)} %</span>
                </td>
                <td>
                  {type !== 'QuantStub' && (
                    <input
                      type="checkbox"
                      aria-label={`${path} stays in float`}
                      checked={exclude.includes(path)}
                      onChange={(event) => set(path, event.currentTarget.checked)}
                    />
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <button type="button" disabled={!canQuantize.value} onClick={() => void makeAgain()}>
        Make it once more, with {exclude.length === 0 ? 'none' : exclude.length} of them in float
      </button>
    </>
  );
}
