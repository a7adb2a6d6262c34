import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { callTool } from './calls.js';
import { checkEqual, textOf } from './checks.js';
import type { StepContext } from './steps.js';

const NAME = 'Grace';

/** Has the server ask this client while a call runs: the answer must find its way into the call's. */
export async function askedBack(context: StepContext): Promise<string> {
  const { client } = context;
  const asked: unknown[] = [];
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    asked.push('requestedSchema' in params ? Object.keys(params.requestedSchema.properties) : params.mode);
    return { action: 'accept', content: { name: NAME } };
  });
  const text = textOf('introduce', await callTool(context, 'introduce', {}));
  checkEqual('what the client was asked for', asked, [['name']]);
  checkEqual('the answer of introduce', text, `Nice to meet you, ${NAME}!`);
  return `${NAME} → "${text}"`;
}
