import { sendJson } from './http-errors.js';
import type { FastifyReply } from 'fastify';

/**
 * Answers a request that a session has taken, and whose reply comes by webhook.
 *
 * @param attempt - how often servers have begun with it, this time included; undefined: one works on it already, and this was a copy
 */
export type SendReceipt = (reply: FastifyReply, attempt: number | undefined) => void;

/** @param server - names this process to clients that post a request again */
export function createReceipts(server: string): SendReceipt {
  const receipt = (attempt?: number): string =>
    JSON.stringify({ status: 'received', server, ...(attempt !== undefined && { attempt }) });
  const first = receipt(1);
  return (reply, attempt) => sendJson(reply, 202, attempt === 1 ? first : receipt(attempt));
}
