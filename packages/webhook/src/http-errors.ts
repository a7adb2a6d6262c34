import { AsyncMcpError, JsonRpcErrorCode, errorResponse } from '@asyncmcp/core';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import type { JSONRPCErrorResponse } from '@modelcontextprotocol/sdk/types.js';

/** As fastify names it. */
const JSON_TYPE = 'application/json; charset=utf-8';

/** A refusal over HTTP: the body of an error is a JSON-RPC error object. */
export interface HttpRefusal {
  /** The HTTP status. */
  readonly status: number;
  /** What is wrong; its `data.code` is one of the error codes. */
  readonly body: JSONRPCErrorResponse;
  /** Such as `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal without a request id: it is about the HTTP request, before anybody looks at the message. */
export function httpRefusal(
  status: number,
  error: AsyncMcpError,
  headers: Readonly<Record<string, string>> = {},
): HttpRefusal {
  const internal = status >= 500 || status === 429;
  const code = internal ? JsonRpcErrorCode.internalError : JsonRpcErrorCode.invalidRequest;
  return { status, body: errorResponse(undefined, code, error), headers };
}

/** Answers a request with a refusal. */
export function sendRefusal(reply: FastifyReply, { status, body, headers }: HttpRefusal): void {
  if (headers !== undefined) void reply.headers(headers);
  sendJson(reply, status, JSON.stringify(body));
}

/**
 * Answers a request with JSON that is written already: most answers are alike. It is the wire format's, and passes no serializer of
 * the user's fastify.
 */
export function sendJson(reply: FastifyReply, status: number, json: string): void {
  void reply.code(status).header('content-type', JSON_TYPE).serializer(asItIs).send(json);
}

function asItIs(json: string): string {
  return json;
}

/**
 * Answers a request from within a callback. What that throws, because a hook of the user's has set a header that cannot be sent, say, is
 * fastify's to answer, as if a handler had thrown it, and nothing that whoever calls back has to know of.
 */
export function answerLater(reply: FastifyReply, answer: () => void): void {
  try {
    answer();
  } catch (error) {
    void reply.send(error);
  }
}

/**
 * Lets an encapsulated fastify instance take JSON bodies as text, which is checked before it is parsed (and verified, where it is
 * signed, as it came), and answer its own errors as ours. The two share `maxMessageBytes`, so that who sent too much is told how
 * much may be sent.
 */
export function takeJsonAsText(app: FastifyInstance, maxMessageBytes: number): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string', bodyLimit: maxMessageBytes },
    (_request, body, done) => done(null, body),
  );
  app.setErrorHandler((error: FastifyError, request, reply) => {
    sendRefusal(reply, refusalOf(error, Number(request.headers['content-length']), maxMessageBytes));
  });
}

/** What fastify found wrong with a request before a route saw it. Anything else is a defect of ours, and not the sender's. */
function refusalOf(error: FastifyError, contentLength: number, maxMessageBytes: number): HttpRefusal {
  if (error.statusCode === 413) {
    const size = Number.isSafeInteger(contentLength) ? `${contentLength} bytes` : 'larger';
    const text = `The message is ${size}; this endpoint takes at most ${maxMessageBytes} bytes.`;
    return httpRefusal(
      413,
      new AsyncMcpError('ERR_MESSAGE_TOO_LARGE', text, { details: { limitBytes: maxMessageBytes } }),
    );
  }
  if (error.statusCode === 415) {
    const text = 'Send the message with Content-Type: application/json.';
    return httpRefusal(415, new AsyncMcpError('ERR_MESSAGE_INVALID', text));
  }
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return httpRefusal(400, new AsyncMcpError('ERR_MESSAGE_INVALID', `The request is malformed: ${error.message}`));
  }
  const text = 'The request could not be handled for now; send it again later.';
  return httpRefusal(503, new AsyncMcpError('ERR_INTERNAL', text), { 'retry-after': '1' });
}
