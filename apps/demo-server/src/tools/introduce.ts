import { textResult } from '../calls.js';
import { TOOLS } from './catalogue.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { ElicitRequestFormParams } from '@modelcontextprotocol/sdk/types.js';
import type { ToolExtra } from '../calls.js';
import type { ToolContext } from './tool-context.js';

/** How long somebody may take to answer, in milliseconds. Over queues nobody waits on the line meanwhile. */
const ANSWER_TIMEOUT_MS = 10 * 60_000;

const QUESTION: ElicitRequestFormParams = {
  mode: 'form',
  message: 'What is your name?',
  requestedSchema: {
    type: 'object',
    properties: { name: { type: 'string', title: 'Name', minLength: 1, maxLength: 100 } },
    required: ['name'],
  },
};

export function registerIntroduce({ server, calls }: ToolContext): void {
  server.registerTool('introduce', { description: TOOLS.introduce.description }, (extra) =>
    calls.run('introduce', extra, async () => textResult(await introduce(server, extra))),
  );
}

async function introduce({ server }: McpServer, extra: ToolExtra): Promise<string> {
  if (server.getClientCapabilities()?.elicitation?.form === undefined) {
    throw new Error('This client cannot be asked: it has not the capability "elicitation" (forms). Try greet.');
  }
  const { action, content } = await server.elicitInput(QUESTION, {
    signal: extra.signal,
    timeout: ANSWER_TIMEOUT_MS,
    // Over Streamable HTTP, the question travels on the connection of the call that it belongs to.
    relatedRequestId: extra.requestId,
  });
  const name = content?.['name'];
  if (action === 'accept' && typeof name === 'string') return `Nice to meet you, ${name}!`;
  if (action === 'decline') return 'You would rather not say, which is all right. Good to have you here!';
  return 'You have put the question away, which is all right. Ask me to introduce you whenever you like.';
}
