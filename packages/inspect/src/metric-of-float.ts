import { ArgumentError, describe, requireType } from '@octet/backend';

/**
 * The metric of the float model.
 * @throws ArgumentError unless `metric` is a function, and what it gives a number
 */
export async function metricOfFloat<M>(
  op: string,
  metric: (model: M) => number | Promise<number>,
  model: M,
): Promise<number> {
  requireType(op, 'metric', metric, 'function');
  const value: unknown = await metric(model);
  if (typeof value === 'number') return value;
  throw new ArgumentError({
    op,
    expected: 'a metric that gives a number',
    found: `${describe(value)} of the float model`,
    fix: 'Check the metric on the model before it is quantized.',
  });
}
