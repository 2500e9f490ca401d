import { floats, type RefKernel } from '../kernel';
import { scratch } from '../math/scratch';

/** x [r,c] → y = (x - mean) · invStd · weight + bias, mean and biased variance over each row, invStd = 1 / √(variance + eps) */
export const layerNorm: RefKernel<'layerNorm'> = (t, { eps }) => {
  const x = floats(t.x);
  const weight = t.weight && floats(t.weight);
  const bias = t.bias && floats(t.bias);
  const y = floats(t.y);
  const means = floats(t.mean);
  const invStds = floats(t.invStd);
  const [r, c] = t.x.shape;
  for (let i = 0; i < r; i++) {
    const start = i * c;
    let total = 0;
    for (let j = 0; j < c; j++) total += x[start + j];
    const mean = total / c;
    let squares = 0;
    for (let j = 0; j < c; j++) squares += (x[start + j] - mean) ** 2;
    const invStd = 1 / Math.sqrt(squares / c + eps);
    means[i] = mean;
    invStds[i] = invStd;
    for (let j = 0; j < c; j++) {
      y[start + j] = (x[start + j] - mean) * invStd * (weight ? weight[j] : 1) + (bias ? bias[j] : 0);
    }
  }
};

/**
 * With x̂ = (x - mean) · invStd and g = gradY · weight: gradBias = Σ_r gradY, gradWeight = Σ_r gradY · x̂,
 * gradX = invStd · (g - mean_c(g) - x̂ · mean_c(g · x̂)).
 */
export const layerNormBackward: RefKernel<'layerNormBackward'> = (t) => {
  const x = floats(t.x);
  const gradY = floats(t.gradY);
  const means = floats(t.mean);
  const invStds = floats(t.invStd);
  const weight = t.weight && floats(t.weight);
  const gradX = floats(t.gradX);
  const [r, c] = t.x.shape;
  const weightSums = scratch('layerNormBackward weight', c).fill(0, 0, c);
  const biasSums = scratch('layerNormBackward bias', c).fill(0, 0, c);
  for (let i = 0; i < r; i++) {
    const start = i * c;
    const mean = means[i];
    const invStd = invStds[i];
    let sum = 0;
    let dot = 0;
    for (let j = 0; j < c; j++) {
      const up = gradY[start + j];
      const normal = (x[start + j] - mean) * invStd;
      const g = weight ? up * weight[j] : up;
      sum += g;
      dot += g * normal;
      weightSums[j] += up * normal;
      biasSums[j] += up;
    }
    for (let j = 0; j < c; j++) {
      const normal = (x[start + j] - mean) * invStd;
      const g = weight ? gradY[start + j] * weight[j] : gradY[start + j];
      gradX[start + j] = invStd * (g - (sum + normal * dot) / c);
    }
  }
  floats(t.gradWeight).set(weightSums.subarray(0, c));
  floats(t.gradBias).set(biasSums.subarray(0, c));
};
