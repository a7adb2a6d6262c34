import { z } from 'zod';
import { textResult } from '../calls.js';
import { TRANSPORTS } from '../replies.js';
import { TOOLS } from './catalogue.js';
import type { Transport } from '../replies.js';
import type { ToolContext } from './tool-context.js';

export interface ServedOver {
  readonly transport?: Transport | undefined;
  readonly replies: string;
}

export function registerServerInfo({ server, session, calls }: ToolContext, servedOver: ServedOver): void {
  server.registerTool(
    'server_info',
    {
      description: TOOLS.server_info.description,
      outputSchema: {
        pid: z.number(),
        sessionId: z.string(),
        resumed: z.boolean().describe('Whether the session was opened by another process, or before it went idle.'),
        transport: z.enum(TRANSPORTS).optional(),
        replies: z.string().describe('How replies travel in this session.'),
        completed: z.number(),
        failed: z.number(),
        cancelled: z.number(),
      },
    },
    (extra) =>
      calls.run('server_info', extra, async () => {
        const { id: sessionId, resumed } = session;
        const info = { pid: process.pid, sessionId, resumed, ...servedOver, ...calls.counts };
        return { ...textResult(JSON.stringify(info)), structuredContent: info };
      }),
  );
}
