import { AsyncMcpError } from '@asyncmcp/core';
import {
  StreamableHeader,
  answerLater,
  enterOrCopy,
  httpRefusal,
  refusalOf,
  sendRefusal,
  tooMuch,
} from '@asyncmcp/webhook/parts';
import { writeWebResponse } from './http-bridge.js';
import { metadataOf } from './post-envelope.js';
import { findSession, wrongVersion } from './session-lookup.js';
import type { SessionHost } from '@asyncmcp/core';
import type { Admission, Inbox } from '@asyncmcp/webhook/parts';
import type { Handler } from './server-route.js';
import type { SessionChannels } from './session-channels.js';

export interface StreamOptions {
  readonly host: SessionHost;
  readonly channels: SessionChannels;
  readonly report: (error: AsyncMcpError) => void;
}

/** Answers GETs: with the stream of what a session says by itself, or with what a client has missed of any of its streams. */
export function createStreamHandler({ host, channels, report }: StreamOptions): Handler {
  return async (request, reply, sender) => {
    if (request.headers.accept?.includes('text/event-stream') !== true) {
      const text = 'Accept text/event-stream: that is what there is to GET here.';
      sendRefusal(reply, httpRefusal(406, new AsyncMcpError('ERR_MESSAGE_INVALID', text)));
      return reply;
    }
    const found =
      wrongVersion(request.headers[StreamableHeader.protocolVersion]) ??
      (await findSession(metadataOf(request, sender), undefined, { host, report }));
    if ('status' in found) {
      sendRefusal(reply, found);
      return reply;
    }
    const channel = await channels.of(found.id);
    const response = await channel.get(request);
    const leave = response.ok ? channel.listen(reply.raw) : (): void => {};
    try {
      await writeWebResponse(response, reply);
    } finally {
      leave();
    }
    return reply;
  };
}

export interface TerminationOptions {
  readonly inbox: Inbox;
  readonly admission: Admission;
}

/** Answers DELETEs: ends a session of the sender's. */
export function createTerminationHandler({ inbox, admission }: TerminationOptions): Handler {
  return (request, reply, sender) => {
    const metadata = metadataOf(request, sender);
    const wrong = wrongVersion(request.headers[StreamableHeader.protocolVersion]);
    if (wrong !== undefined || metadata.sessionId === undefined) {
      const error = new AsyncMcpError('ERR_SESSION_REQUIRED', 'Header Mcp-Session-Id is missing or malformed.');
      return sendRefusal(reply, wrong ?? httpRefusal(400, error));
    }
    const place = enterOrCopy(admission, metadata.sessionId, false, () => false);
    if (typeof place === 'string') return sendRefusal(reply, tooMuch(place));
    inbox.post({ ...metadata, type: 'terminate', body: '{}' }, 1, place, (told) =>
      answerLater(reply, () => {
        if (told.kind === 'refused' || told.kind === 'later') sendRefusal(reply, refusalOf(told, 1));
        else void reply.code(200).send();
      }),
    );
  };
}
