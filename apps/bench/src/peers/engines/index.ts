import type { Engine } from '../engine';
import { octet, octetPlan } from './octet';
import { onnxruntimeNode } from './onnxruntime-node';
import { onnxruntimeWeb } from './onnxruntime-web';
import { tfjs } from './tfjs';

/** One line an engine. */
export const engines = {
  octet,
  'octet-plan': octetPlan,
  'onnxruntime-web': onnxruntimeWeb,
  tfjs,
  'onnxruntime-node': onnxruntimeNode,
} as const satisfies Record<string, Engine>;

export type EngineName = keyof typeof engines;

export const engineNames = Object.keys(engines) as EngineName[];
