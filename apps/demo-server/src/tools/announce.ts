import { z } from 'zod';
import { textResult } from '../calls.js';
import { TOOLS } from './catalogue.js';
import type { ToolContext } from './tool-context.js';

/** Sends a notification to every client, of whatever session. */
export type Broadcast = (notification: { method: string; params: Record<string, unknown> }) => Promise<void>;

export function registerAnnounce({ server, calls }: ToolContext, broadcast: Broadcast): void {
  server.registerTool(
    'announce',
    { description: TOOLS.announce.description, inputSchema: { text: z.string() } },
    ({ text }, extra) =>
      calls.run('announce', extra, async () => {
        const params = { level: 'info', logger: 'announce', data: text };
        await broadcast({ method: 'notifications/message', params });
        return textResult('announced');
      }),
  );
}
