import { z } from 'zod';
import { textResult } from '../calls.js';
import { TOOLS } from './catalogue.js';
import type { ToolContext } from './tool-context.js';

export function registerGreet({ server, calls }: ToolContext): void {
  server.registerTool(
    'greet',
    { description: TOOLS.greet.description, inputSchema: { name: z.string() } },
    ({ name }, extra) => calls.run('greet', extra, async () => textResult(`Hello, ${name}!`)),
  );
}

export function registerDivide({ server, calls }: ToolContext): void {
  server.registerTool(
    'divide',
    { description: TOOLS.divide.description, inputSchema: { dividend: z.number(), divisor: z.number() } },
    ({ dividend, divisor }, extra) =>
      calls.run('divide', extra, async () => textResult(String(divide(dividend, divisor)))),
  );
}

function divide(dividend: number, divisor: number): number {
  if (divisor === 0) throw new Error(`Cannot divide ${dividend} by zero.`);
  return dividend / divisor;
}
