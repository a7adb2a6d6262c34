import ts from 'typescript';

/** Something that is called: a function, a method, a constructor. */
type Callable = ts.FunctionLikeDeclaration;

/** Whether an exported name throws or rejects when it is called, as far as its body shows, and whether it answers with a promise. */
export function throwsOf(
  symbol: ts.Symbol,
  checker: ts.TypeChecker,
): { readonly throws: boolean; readonly promises: boolean } {
  const callables = (symbol.declarations ?? []).flatMap((declaration) => callableOf(declaration) ?? []);
  return {
    throws: callables.some(({ body }) => body !== undefined && canThrow(body)),
    promises: (symbol.declarations ?? []).some((declaration) => isPromised(declaration, checker)),
  };
}

/** `const f = () => …` is a function, too. */
function callableOf(declaration: ts.Declaration): Callable | undefined {
  if (ts.isVariableDeclaration(declaration) || ts.isPropertyDeclaration(declaration)) {
    const { initializer } = declaration;
    return initializer !== undefined && (ts.isArrowFunction(initializer) || ts.isFunctionExpression(initializer))
      ? initializer
      : undefined;
  }
  return ts.isFunctionLike(declaration) && 'body' in declaration ? declaration : undefined;
}

function isPromised(declaration: ts.Declaration, checker: ts.TypeChecker): boolean {
  const signatures = checker.getTypeAtLocation(declaration).getCallSignatures();
  return signatures.some((signature) => {
    const answer = signature.getReturnType();
    return checker.getAwaitedType(answer) !== answer;
  });
}

/**
 * Whether there is a `throw` in it that nothing around it catches. What the functions that it calls do is theirs to say, and functions
 * within it are called by others.
 */
function canThrow(node: ts.Node): boolean {
  if (ts.isThrowStatement(node)) return true;
  if (ts.isFunctionLike(node) || ts.isClassLike(node)) return false;
  if (ts.isTryStatement(node) && node.catchClause !== undefined) {
    const { catchClause, finallyBlock } = node;
    return canThrow(catchClause) || (finallyBlock !== undefined && canThrow(finallyBlock));
  }
  return ts.forEachChild(node, (child) => canThrow(child) || undefined) ?? false;
}
