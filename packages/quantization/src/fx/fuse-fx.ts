import { ArgumentError, checkOptions, describe } from '@octet/backend';
import { GraphModule, type GraphNode } from '@octet/nn/graph';
import { moduleRules } from '../default-rules';
import type { ModuleClass, ModuleRule, ModuleRules } from '../module-rules';
import { type AnyGraphModule, GraphEditor } from './graph-editor';

export interface FuseFxOptions {
  /** Rules of your own, whose patterns are looked at beside the library's. */
  rules?: readonly ModuleRule[];
}

/**
 * A copy of a graph in which layers that belong together are one, wherever they stand: those of the patterns that `fuse`
 * knows, where each one's result goes to the next alone. By the model's mode as `fuse`: batch normalization is folded in
 * evaluation mode, and goes on learning in training mode. The fused layer has the path of the first.
 *
 * @throws ArgumentError for what is no GraphModule
 */
export function fuseFx<M extends AnyGraphModule>(model: M, options?: FuseFxOptions): M {
  const { rules } = checkOptions('fuseFx', options, 'rules');
  requireGraph('fuseFx', model);
  const editor = new GraphEditor(model.clone({ hooks: true }));
  fuseNodes(editor, moduleRules('fuseFx', rules), model.training);
  return editor.build() as M;
}

/** @throws ArgumentError for what is no GraphModule */
export function requireGraph(op: string, model: unknown): void {
  if (model instanceof GraphModule) return;
  throw new ArgumentError({
    op,
    expected: 'a GraphModule',
    found: describe(model),
    fix: 'importOnnx gives one; of a model written by hand, symbolicTrace(model, …inputs) of @octet/onnx.',
  });
}

/** Fuses what follows one another in the graph. */
export function fuseNodes(editor: GraphEditor, rules: ModuleRules, training: boolean): void {
  const gone = new Set<GraphNode>();
  const fused = new Map<GraphNode, GraphNode>();
  for (const node of editor.nodes) {
    if (gone.has(node)) continue;
    for (const { pattern, fuse, fuseQat } of rules.fusions) {
      const fuser = training ? fuseQat : fuse;
      const run = fuser && matched(editor, node, pattern);
      if (!run) continue;
      const module = fuser(...run.map((n) => editor.moduleOf(n)));
      module.train(training);
      editor.replaceChild(node.target as string, module);
      fused.set(node, { ...node, outputs: run[run.length - 1].outputs });
      for (const other of run.slice(1)) gone.add(other);
      break;
    }
  }
  editor.setNodes(editor.nodes.filter((n) => !gone.has(n)).map((n) => fused.get(n) ?? n));
}

/** The nodes from this one on that call layers of these classes, each read by the next alone. */
function matched(
  editor: GraphEditor,
  first: GraphNode,
  pattern: readonly ModuleClass[],
): GraphNode[] | undefined {
  const run: GraphNode[] = [];
  let node: GraphNode | undefined = first;
  for (const type of pattern) {
    const module: unknown = node && editor.moduleOf(node);
    if (!node || Object(module).constructor !== type || editor.callsOf(node.target as string) > 1)
      return undefined;
    run.push(node);
    node = editor.onlyReaderOf(node);
  }
  return run;
}
