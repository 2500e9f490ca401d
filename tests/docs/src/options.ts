/** The options of every public function and constructor, as the type checker sees them. */
import path from 'node:path';
import ts from 'typescript';

/** A parameter that takes an options object. */
export interface OptionsParameter {
  readonly package: string;
  /** As users write it: `conv2d`, `Linear`, `Tensor.backward`. */
  readonly name: string;
  readonly kind: 'function' | 'constructor' | 'method' | 'static';
  /** Which argument it is, from 0. */
  readonly index: number;
  readonly keys: readonly string[];
}

/**
 * Those of `packages`, by their sources. A parameter takes options if its type's name ends in Options, or if all its
 * properties are optional. Methods are listed with the class that declares them.
 */
export function optionsParameters(root: string, packages: readonly string[]): OptionsParameter[] {
  const files = packages.map((name) => path.join(root, 'packages', name, 'src/index.ts'));
  const config = ts.readConfigFile(path.join(root, 'tests/docs/tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, path.join(root, 'tests/docs'));
  const program = ts.createProgram(files, { ...options, noEmit: true });
  const checker = program.getTypeChecker();
  const found: OptionsParameter[] = [];

  const scan = (
    pkg: string,
    name: string,
    kind: OptionsParameter['kind'],
    signatures: readonly ts.Signature[],
  ) => {
    for (const signature of signatures) {
      signature.getParameters().forEach((parameter, index) => {
        const declaration = parameter.valueDeclaration;
        if (!declaration || (ts.isParameter(declaration) && declaration.dotDotDotToken)) return;
        for (const type of parts(checker.getTypeOfSymbol(parameter))) {
          const keys = optionKeys(checker, type);
          if (keys) found.push({ package: pkg, name, kind, index, keys });
        }
      });
    }
  };

  packages.forEach((pkg, i) => {
    const source = program.getSourceFile(files[i]);
    const module = source && checker.getSymbolAtLocation(source);
    if (!module) throw new Error(`no module ${files[i]}`);
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      scanSymbol(pkg, exported.name, symbol);
    }
  });

  function scanSymbol(pkg: string, name: string, symbol: ts.Symbol): void {
    if (
      symbol.flags & ts.SymbolFlags.Namespace &&
      !(symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Function))
    ) {
      for (const inner of checker.getExportsOfModule(symbol)) {
        const target = inner.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(inner) : inner;
        scanSymbol(pkg, `${name}.${inner.name}`, target);
      }
      return;
    }
    if (!(symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Function | ts.SymbolFlags.Variable))) return;
    const type = checker.getTypeOfSymbol(symbol);
    if (symbol.flags & ts.SymbolFlags.Class) {
      const abstract = symbol.declarations?.some(
        (d) => ts.isClassDeclaration(d) && d.modifiers?.some((m) => m.kind === ts.SyntaxKind.AbstractKeyword),
      );
      if (!abstract) scan(pkg, name, 'constructor', type.getConstructSignatures());
      for (const member of checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol))) {
        if (isPrivate(member) || !(member.flags & ts.SymbolFlags.Method)) continue;
        if ((member as { parent?: ts.Symbol }).parent !== symbol) continue;
        scan(pkg, `${name}.${member.name}`, 'method', checker.getTypeOfSymbol(member).getCallSignatures());
      }
      for (const member of checker.getPropertiesOfType(type)) {
        if (!isPrivate(member)) {
          scan(pkg, `${name}.${member.name}`, 'static', checker.getTypeOfSymbol(member).getCallSignatures());
        }
      }
      return;
    }
    scan(pkg, name, 'function', type.getCallSignatures());
  }
  return found;
}

function isPrivate(symbol: ts.Symbol): boolean {
  return Boolean(
    symbol.declarations?.some(
      (d) => ts.getCombinedModifierFlags(d) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected),
    ),
  );
}

function parts(type: ts.Type): readonly ts.Type[] {
  return type.isUnion() ? type.types : [type];
}

function optionKeys(checker: ts.TypeChecker, type: ts.Type): string[] | undefined {
  if (!(type.flags & ts.TypeFlags.Object) && !type.isIntersection()) return undefined;
  if (type.getCallSignatures().length > 0 || checker.isArrayType(type) || checker.isTupleType(type))
    return undefined;
  if (type.isClass() || type.getStringIndexType() || type.getNumberIndexType()) return undefined;
  const properties = checker.getPropertiesOfType(type);
  if (properties.length === 0) return undefined;
  const name = type.aliasSymbol?.name ?? type.getSymbol()?.name ?? '';
  const optional = properties.every((p) => p.flags & ts.SymbolFlags.Optional);
  if (!name.endsWith('Options') && !optional) return undefined;
  return properties.map((p) => p.name);
}
