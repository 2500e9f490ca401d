import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { root } from '../src/markdown';

const logical = new Set([
  ts.SyntaxKind.QuestionQuestionEqualsToken,
  ts.SyntaxKind.BarBarEqualsToken,
  ts.SyntaxKind.AmpersandAmpersandEqualsToken,
]);

/** Where `name ??= …` and its like assign to a variable of a function further out, as `line: text`. */
function capturedAssignments(code: string): string[] {
  const source = ts.createSourceFile('module.ts', code, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node, scopes: readonly Set<string>[]) => {
    if (
      ts.isBinaryExpression(node) &&
      logical.has(node.operatorToken.kind) &&
      ts.isIdentifier(node.left) &&
      !scopes.at(-1)?.has(node.left.text)
    ) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      found.push(`${line + 1}: ${node.getText()}`);
    }
    const inner = ts.isFunctionLike(node) ? [...scopes, declaredIn(node)] : scopes;
    ts.forEachChild(node, (child) => visit(child, inner));
  };
  visit(source, [declaredIn(source)]);
  return found;
}

/** The variables and parameters of a function, not of those in it. */
function declaredIn(outer: ts.Node): Set<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node) => {
    if ((ts.isVariableDeclaration(node) || ts.isParameter(node)) && ts.isIdentifier(node.name))
      names.add(node.name.text);
    if (ts.isBindingElement(node) && ts.isIdentifier(node.name)) names.add(node.name.text);
    if (!ts.isFunctionLike(node)) ts.forEachChild(node, visit);
  };
  ts.forEachChild(outer, visit);
  return names;
}

test('finds them', () => {
  expect(
    capturedAssignments(`
      function outer(given) {
        let a, b;
        given ??= 1;
        const inner = ({ c }) => {
          c ||= 2;
          a ??= 3;
        };
        for (;;) b &&= 4;
      }`),
  ).toEqual(['7: a ??= 3']);
});

// SWC's compressor takes such an assignment for none, and reads the variable before it is set.
test('no logical assignment to a captured variable in what is published', () => {
  const files = globSync('packages/*/src/**/*.ts', { cwd: root });
  expect(files.length).toBeGreaterThan(200);
  const found = files.flatMap((file) =>
    capturedAssignments(readFileSync(path.join(root, file), 'utf8')).map((at) => `${file}:${at}`),
  );
  expect(found).toEqual([]);
});

// Rolldown, and Vite with it, prints `1 / /* @__PURE__ */ f()` as `1//* @__PURE__ */ f()`: the start of a line comment.
test('no division by a call that is marked pure in what is published', () => {
  const files = globSync('packages/*/src/**/*.ts', { cwd: root });
  const found = files.filter((file) =>
    /\/\s*\/\* @__PURE__/.test(readFileSync(path.join(root, file), 'utf8')),
  );
  expect(found).toEqual([]);
});
