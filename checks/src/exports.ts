import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { throwsOf } from './throws.js';
import { ROOT, publishedPackages } from './repository.js';

/** Something that a package exports, or a member of it, and what its docblock says. */
export interface DocumentedName {
  /** `@asyncmcp/sqs: SqsServerOptions.maxSessions`. */
  readonly name: string;
  readonly text: string;
  readonly optional: boolean;
  /** Whether it is a member of an interface of options. */
  readonly option: boolean;
  /** Whether calling it may throw, or what it resolves with may reject, as far as its body shows. */
  readonly throws: boolean;
  /** Whether it is called, and answers with a promise. */
  readonly promises: boolean;
  /** Where it is declared: `packages/core/src/retry.ts:14`. */
  readonly where: string;
}

const OPTIONS = { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, types: ['node'] };

/**
 * All that the published packages export, at each of their entry points, with the members of interfaces and classes. It is read in the
 * sources, which have what declarations leave out: bodies.
 */
export function exportedNames(): DocumentedName[] {
  const entries = new Map([...publishedPackages()].flatMap(([name, path]) => entryPoints(name, path)));
  const program = ts.createProgram([...entries.values()], OPTIONS);
  const checker = program.getTypeChecker();
  return [...entries].flatMap(([name, path]) => {
    const file = program.getSourceFile(path);
    const module = file === undefined ? undefined : checker.getSymbolAtLocation(file);
    if (module === undefined) throw new Error(`${name} has no ${path}`);
    return checker.getExportsOfModule(module).flatMap((symbol) => namesOf(`${name}: `, symbol, checker));
  });
}

/** `@asyncmcp/webhook/parts` and its source, say. */
function entryPoints(name: string, directory: string): [string, string][] {
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
  };
  return Object.entries(manifest.exports).flatMap(([subpath, target]): [string, string][] =>
    typeof target === 'string' ? [] : [[name + subpath.slice(1), sourceOf(join(directory, target.types))]],
  );
}

function sourceOf(declarations: string): string {
  return declarations.replace(/\bdist\b(?!.*\bdist\b)/, 'src').replace(/\.d\.ts$/, '.ts');
}

function namesOf(prefix: string, exported: ts.Symbol, checker: ts.TypeChecker): DocumentedName[] {
  const alias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
  const symbol = alias ? checker.getAliasedSymbol(exported) : exported;
  const own = describe(prefix + exported.name, symbol, false, checker);
  if ((symbol.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.Class)) === 0) return [own];
  const option = exported.name.endsWith('Options');
  // Inherited members are their owner's to document, where that is ours.
  const members = [...(symbol.members?.values() ?? [])].filter((member) => !isHidden(member));
  return [
    own,
    ...members.map((member) => describe(`${prefix}${exported.name}.${member.name}`, member, option, checker)),
  ];
}

function isHidden(member: ts.Symbol): boolean {
  if ((member.flags & ts.SymbolFlags.TypeParameter) !== 0) return true;
  return (member.declarations ?? []).every(
    (declaration) =>
      ts.isPrivateIdentifier(ts.getNameOfDeclaration(declaration) ?? declaration) ||
      (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Private) !== 0,
  );
}

function describe(name: string, symbol: ts.Symbol, option: boolean, checker: ts.TypeChecker): DocumentedName {
  const tags = symbol.getJsDocTags(checker).map((tag) => `@${tag.name} ${ts.displayPartsToString(tag.text)}`);
  const text = [ts.displayPartsToString(symbol.getDocumentationComment(checker)), ...tags].join('\n').trim();
  return {
    name,
    text,
    option,
    optional: (symbol.flags & ts.SymbolFlags.Optional) !== 0,
    ...throwsOf(symbol, checker),
    where: whereOf(symbol),
  };
}

function whereOf(symbol: ts.Symbol): string {
  const [declaration] = symbol.declarations ?? [];
  if (declaration === undefined) return '';
  const file = declaration.getSourceFile();
  return `${relative(ROOT, file.fileName)}:${file.getLineAndCharacterOfPosition(declaration.getStart()).line + 1}`;
}
