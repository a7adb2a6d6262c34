import { dirname, join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './repository.js';

/** A module that is not on disk. */
export interface Module {
  /** As it is called in messages: `docs/errors.md`. */
  readonly name: string;
  /** Of its first line, from 1, as messages count. */
  readonly line: number;
  readonly code: string;
}

/** Where the modules are taken to be: what they import is what this package depends on. */
const BASE = join(ROOT, 'checks', 'code-blocks');

/** The strictest that users have. */
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  moduleDetection: ts.ModuleDetectionKind.Force,
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noImplicitOverride: true,
  noFallthroughCasesInSwitch: true,
  noImplicitReturns: true,
  noPropertyAccessFromIndexSignature: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  skipLibCheck: true,
  noEmit: true,
};

/** What TypeScript has against modules, each by itself: `docs/errors.md:12:7 TS2304: …`. */
export function typeCheck(modules: readonly Module[]): string[] {
  // Empty lines before the code, so that TypeScript counts as the document does.
  const sources = new Map(
    modules.map(({ name, line, code }) => [join(BASE, name, `${line}.mts`), '\n'.repeat(line - 1) + code]),
  );
  const disk = ts.createCompilerHost(OPTIONS);
  const host: ts.CompilerHost = {
    ...disk,
    getCurrentDirectory: () => BASE,
    fileExists: (path) => sources.has(path) || disk.fileExists(path),
    readFile: (path) => sources.get(path) ?? disk.readFile(path),
    getSourceFile: (path, options, ...rest) => {
      const source = sources.get(path);
      return source === undefined
        ? disk.getSourceFile(path, options, ...rest)
        : ts.createSourceFile(path, source, options, true);
    },
  };
  const program = ts.createProgram([...sources.keys()], OPTIONS, host);
  return ts.getPreEmitDiagnostics(program).map(describe);
}

function describe(diagnostic: ts.Diagnostic): string {
  const text = `TS${diagnostic.code}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')}`;
  if (diagnostic.file === undefined || diagnostic.start === undefined) return text;
  const { line, character } = diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start);
  const name = dirname(diagnostic.file.fileName).slice(BASE.length + 1);
  return `${name}:${line + 1}:${character + 1} ${text}`;
}
