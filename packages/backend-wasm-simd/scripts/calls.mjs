// What the assembly's sources say about calls into it, as TypeScript: the arguments of each exported function by name, and the
// constants that both sides need.
import ts from 'typescript';

/** The last arguments of a function that does units of work: `parallel` gives them. */
const own = ['begin', 'end', 'thread'];

/** By the type of an argument: its type here, and the number that wasm gets. */
const kinds = {
  usize: { type: 'Address', lower: (value) => value },
  i32: { type: 'Quantity', lower: (value) => value },
  f32: { type: 'Quantity', lower: (value) => value },
  f64: { type: 'Quantity', lower: (value) => value },
  bool: { type: 'boolean', lower: (value) => `${value} ? 1 : 0` },
};

const isExported = (node) =>
  node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;

const parse = (file, text) => ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);

/** The comment before a declaration, with the slashes and stars; empty without one. */
function docOf(node) {
  const doc = ts.getJSDocCommentsAndTags(node).findLast(ts.isJSDoc);
  return doc ? doc.getText() : '';
}

/** What an index of assembly/ hands on, also by other indexes: by file, the names, or undefined for all. */
function exportsOf(sources, index) {
  const exported = [];
  for (const node of parse(index, sources[index]).statements.filter(ts.isExportDeclaration)) {
    const file = `${node.moduleSpecifier.text.slice(2)}.ts`;
    if (!node.exportClause && parse(file, sources[file]).statements.some(ts.isExportDeclaration))
      exported.push(...exportsOf(sources, file));
    else exported.push([file, node.exportClause?.elements.map(({ name }) => name.text)]);
  }
  return exported;
}

/** The functions that an index of assembly/ exports, whatever they take. */
function functionsOf(sources, index) {
  return exportsOf(sources, index).flatMap(([file, names]) =>
    parse(file, sources[file])
      .statements.filter(ts.isFunctionDeclaration)
      .filter((node) => isExported(node) && (!names || names.includes(node.name.text)))
      .map((node) => ({ file, node })),
  );
}

/** The names of what an index of assembly/ exports. */
export function exportedNames(sources, index) {
  return functionsOf(sources, index).map(({ node }) => node.name.text);
}

/**
 * The functions that an index exports and that do units of work: each with its arguments before begin, end and thread.
 *
 * @param sources the text of each file of assembly/
 * @throws Error if an argument has a type that calls know nothing of
 */
export function readFunctions(sources, index = 'index.ts') {
  const functions = [];
  for (const { file, node } of functionsOf(sources, index)) {
    const name = node.name.text;
    const args = node.parameters.map((p) => ({ name: p.name.text, type: p.type.getText() }));
    if (
      args
        .slice(-3)
        .map(({ name }) => name)
        .join() !== own.join()
    )
      continue;
    for (const { name: arg, type } of args) {
      if (!kinds[type])
        throw new Error(
          `${file}: ${name} takes ${arg}: ${type}, but calls give ${Object.keys(kinds).join(', ')}`,
        );
    }
    functions.push({ name, doc: docOf(node), args: args.slice(0, -3) });
  }
  return functions;
}

/** Each function's arguments in its own order, as a table. */
function loweringsText(functions) {
  const lines = functions.map(({ name, args }) => {
    const numbers = args.map((arg) => kinds[arg.type].lower(`a.${arg.name}`));
    return `  ${name}: (a) => [${numbers.join(', ')}],`;
  });
  return lines.join('\n');
}

/** The text of the file of an entry that has a part of the functions: those of an index of assembly/. */
export function partText(sources, index) {
  return `import type { Lowerings } from '../exports';

/** As that of ../exports, of some functions. */
export const lower: Lowerings = {
${loweringsText(readFunctions(sources, index))}
};`;
}

/** The text of src/generated/exports.ts. */
export function callsText(sources) {
  const functions = readFunctions(sources);
  const types = functions.map(({ name, doc, args }) => {
    const fields = args.map((arg) => `    readonly ${arg.name}: ${kinds[arg.type].type};`);
    return `${doc ? `  ${doc.replaceAll(/\n */g, '\n   ')}\n` : ''}  readonly ${name}: {\n${fields.join('\n')}\n  };`;
  });
  return `import type { Address, Quantity } from '../address';

/** The functions that assembly/index.ts exports, each with its arguments before begin, end and thread. */
export interface Calls {
${types.join('\n')}
}

export type WasmFunction = keyof Calls;

/** The arguments in the order of the function's own. */
export type Lowerings = { readonly [N in WasmFunction]?: (args: Calls[N]) => number[] };

export const lower: Required<Lowerings> = {
${loweringsText(functions)}
};`;
}

/**
 * The text of src/generated/constants.ts, from that of assembly/constants.ts.
 *
 * @throws Error if one isn't a literal number
 */
export function constantsText(source) {
  const lines = [];
  for (const node of parse('constants.ts', source).statements.filter(ts.isVariableStatement)) {
    for (const { name, initializer } of node.declarationList.declarations) {
      if (!initializer || !ts.isNumericLiteral(initializer)) {
        throw new Error(`constants.ts: ${name.text} is ${initializer?.getText()}, and not a literal number`);
      }
      const doc = docOf(node);
      if (doc) lines.push(doc);
      const camelCase = name.text.toLowerCase().replace(/_(.)/g, (_, letter) => letter.toUpperCase());
      lines.push(`export const ${camelCase} = ${initializer.getText()};`);
    }
  }
  return lines.join('\n');
}
