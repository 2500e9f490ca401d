import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';
import { recurrent } from './recurrent';

/** Where com.microsoft's has what ONNX's LSTM hasn't: a scale, and behind it a zero point, of W and of R. */
const SCALES = { 1: 8, 2: 10 } as const;

/** The numbers of int8 weights [directions, inputs, gates · hidden], as ONNX's LSTM takes them. */
function numbersOf(node: OnnxNode, at: 1 | 2): Operand {
  const [integers, scale, zero] = [at, SCALES[at], SCALES[at] + 1].map((i) => {
    const operand = node.inputs[i];
    if (!operand) throw node.wrong('weights with scales and zero points', `no input ${i}`);
    return node.requireConstant(operand, 'weights, scales and zero points');
  });
  const [ways, , columns] = integers.shape;
  const each = scale.numel / ways;
  const fits = integers.dim === 3 && scale.numel === zero.numel && (each === 1 || each === columns);
  if (!fits)
    throw node.wrong(
      'weights of 3 dims, and a scale for each direction or column',
      `[${integers.shape}] and [${scale.shape}]`,
    );
  const numbers = integers.to('float32');
  const size = integers.numel / ways;
  for (let i = 0; i < numbers.numel; i++) {
    const k = Math.floor(i / size) * each + (each === 1 ? 0 : i % columns);
    numbers.data[i] = (numbers.data[i] - zero.data[k]) * scale.data[k];
  }
  return node.constant(numbers.permute([0, 2, 1]), (node.inputs[at] as { name?: string }).name);
}

/** onnxruntime's LSTM of int8 weights: in float, by the numbers that they mean. */
function dynamicLstm(node: OnnxNode): Operand | readonly Operand[] {
  const [x, , , ...rest] = node.inputs;
  const inputs = [x, numbersOf(node, 1), numbersOf(node, 2), ...rest.slice(0, 5)];
  const row = recurrent().find(({ op }) => op === 'LSTM') as OnnxOperator;
  return row.import(Object.create(node, { inputs: { value: inputs } }) as OnnxNode);
}

export const dynamicLstms = (): readonly OnnxOperator[] => [
  { op: 'DynamicQuantizeLSTM', domain: 'com.microsoft', since: 1, inputs: 3, import: dynamicLstm },
];
