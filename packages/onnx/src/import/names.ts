/**
 * What a layer is called: after its weight if that is named as PyTorch names them (`features.0.weight`), else after the
 * node's scopes (`/features/features.0/Conv`: `features.0`), else after the node.
 */
export function layerName(op: string, node: string, weight?: string): string {
  const owner = /^(\w[\w.]*)\.weight(?:_(?:orig|quantized|dequantized|DequantizeLinear_Output))*$/.exec(
    weight ?? '',
  )?.[1];
  if (owner && !owner.startsWith('onnx')) return owner;
  const segments = node.split('/').filter((s) => s !== '');
  const last = segments[segments.length - 1];
  if (segments.length > 1 && op !== '' && new RegExp(`^${op.replace(/\W/g, '')}(_\\d+)?$`).test(last ?? ''))
    segments.pop();
  const path: string[] = [];
  let before = '';
  for (const segment of segments) {
    // `features` and then `features.0`: the second says the first again.
    path.push(segment.startsWith(`${before}.`) ? segment.slice(before.length + 1) : segment);
    before = segment;
  }
  const name = path.join('.');
  return path.length === 1 && !name.includes('.') ? name.charAt(0).toLowerCase() + name.slice(1) : name;
}
