import type { LayerSensitivity, SensitivityReport } from './sensitivity';
import { formatDb, formatMetric } from './verdict';

/** The name of the metric that `sensitivity` takes where it is given none. */
export const fidelityName = 'fidelity (1 - noise / signal of the output)';

/** What the model loses with nothing but one layer in int8. */
export function costOf({ float }: SensitivityReport, { alone }: LayerSensitivity): number {
  return float - alone;
}

/** The layers that can stay in float, by what they cost the model's output: the worst first. */
export function costliest(measured: SensitivityReport): LayerSensitivity[] {
  return measured.layers
    .filter((layer) => layer.inFloat !== null && costOf(measured, layer) > 0)
    .sort((a, b) => a.alone - b.alone);
}

/** How good the model is with nothing but this layer in int8, for people: fidelity as a signal to noise ratio. */
export function aloneText({ metricName }: SensitivityReport, { alone }: LayerSensitivity): string {
  return metricName === fidelityName
    ? formatDb(alone < 1 ? -10 * Math.log10(1 - alone) : null)
    : `${metricName} ${formatMetric(metricName, alone)}`;
}
