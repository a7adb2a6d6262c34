import { AsyncMcpError, isAsyncMcpError, isRecord } from '@asyncmcp/core';
import type { AsyncMcpErrorCode } from '@asyncmcp/core';
import type { BatchResultErrorEntry } from '@aws-sdk/client-sqs';

/** What is known of a failure, wherever it came from. */
interface Failure {
  /** AWS's error code without namespace: `QueueDoesNotExist`, `ThrottlingException`. */
  readonly code: string;
  readonly message: string;
  /** Whether AWS blames the request rather than itself. */
  readonly senderFault: boolean;
  readonly httpStatus?: number;
}

/** Codes of SQS and SNS, in their JSON and in their older query spelling. */
const GONE = /^(QueueDoesNotExist|NonExistentQueue|NotFound(Exception)?|ResourceNotFound(Exception)?|InvalidAddress)$/;
const DENIED =
  /^(AccessDenied.*|AuthorizationError.*|AuthFailure|InvalidSecurity(Exception)?|InvalidClientTokenId|InvalidAccessKeyId|UnrecognizedClientException|SignatureDoesNotMatch|InvalidSignatureException|IncompleteSignature.*|MissingAuthenticationToken.*|ExpiredToken.*|RequestExpired|OptInRequired|NotAuthorized.*|CredentialsProviderError|TokenProviderError)$/;
/** Encryption with a key that may not be used, is off or is gone: `KmsDisabled`, `KMS.DisabledException`. */
const KMS = /^Kms|^KMS/;
const TRANSIENT =
  /Throttl|TooManyRequests|OverLimit|LimitExceeded|SlowDown|ServiceUnavailable|InternalError|InternalFailure|Timeout|ConcurrentAccess|QueueDeletedRecently/i;
/** SNS: "Invalid parameter: TopicArn Reason: …", for the ARN of another region as for what is none. */
const WRONG_ARN = /^Invalid parameter: (TopicArn|TargetArn|SubscriptionArn)\b/;

const ADVICE: Partial<Record<AsyncMcpErrorCode, string>> = {
  ERR_DESTINATION_GONE: 'Check that it exists, and its address, account and region.',
  ERR_ACCESS_DENIED:
    'Check the credentials of the AWS client, the policies of queue and topic, and the key if they are encrypted.',
  ERR_MESSAGE_TOO_LARGE: 'Make the message smaller, or raise MaximumMessageSize (at most 1 MiB).',
  ERR_INVALID_OPTION: 'Give the AWS client a region.',
};

/** What to do about one of AWS's own codes, where more can be said than for ours. */
const ADVICE_BY_AWS_CODE: readonly (readonly [RegExp, string])[] = [
  // CreateQueue: "you must wait at least 60 seconds before creating a queue with the same name"
  [/QueueDeletedRecently/, 'The name of a deleted queue can be used again after 60 seconds.'],
  [/LimitExceeded/, 'Remove what is no longer needed, or have the quota of the account raised.'],
];

/**
 * The {@link AsyncMcpError} for an error of an AWS SDK v3 client. An {@link AsyncMcpError} is returned as it is.
 *
 * @param doing - begins the message: "Sending to queue https://…"
 * @param details - facts to add to the error's own (`awsCode`, `httpStatus`, `limitBytes`)
 */
export function fromAwsError(error: unknown, doing: string, details: Record<string, unknown> = {}): AsyncMcpError {
  return isAsyncMcpError(error) ? error : toError(failureOf(error), doing, { cause: error, details });
}

/** The same for an entry of a batch that SQS refused while the call as a whole succeeded. */
export function fromBatchEntry(
  entry: Pick<BatchResultErrorEntry, 'Code' | 'Message' | 'SenderFault'>,
  doing: string,
  details: Record<string, unknown> = {},
): AsyncMcpError {
  const { Code = 'Unknown', Message = '', SenderFault = false } = entry;
  return toError({ code: bareCode(Code), message: Message, senderFault: SenderFault }, doing, { details });
}

/**
 * The same for an entry that names a received message. If the failure will not pass, the receipt handle is void: SQS has
 * several codes for that, by age of the handle and kind of queue.
 */
export function fromHandleFailure(entry: BatchResultErrorEntry, doing: string): AsyncMcpError {
  const error = fromBatchEntry(entry, doing);
  if (isTransient(error)) return error;
  const text = `${doing} failed: the lease of the message has ended, SQS no longer takes its receipt handle. It may be handled again.`;
  return new AsyncMcpError('ERR_LEASE_LOST', text, { cause: error, details: error.details });
}

/** Whether trying again may help: the network, a time limit, throttling, or AWS itself failed. */
export function isTransient(error: unknown): boolean {
  return isAsyncMcpError(error, 'ERR_UNAVAILABLE');
}

function toError(
  failure: Failure,
  doing: string,
  { cause, details }: { cause?: unknown; details: Record<string, unknown> },
): AsyncMcpError {
  const code = codeOf(failure);
  const advice = ADVICE_BY_AWS_CODE.find(([pattern]) => pattern.test(failure.code))?.[1] ?? ADVICE[code];
  const text = `${doing} failed: ${failure.code}: ${failure.message}`;
  const limitBytes = /shorter than (\d+) bytes/.exec(failure.message)?.[1];
  return new AsyncMcpError(code, advice === undefined ? text : `${text.replace(/\.?$/, '.')} ${advice}`, {
    ...(cause !== undefined && { cause }),
    details: {
      awsCode: failure.code,
      ...(failure.httpStatus !== undefined && { httpStatus: failure.httpStatus }),
      ...(limitBytes !== undefined && { limitBytes: Number(limitBytes) }),
      ...details,
    },
  });
}

function codeOf({ code, message, senderFault, httpStatus = 0 }: Failure): AsyncMcpErrorCode {
  if (TRANSIENT.test(code) || httpStatus >= 500 || httpStatus === 429 || httpStatus === 408) return 'ERR_UNAVAILABLE';
  if (KMS.test(code) || DENIED.test(code)) return 'ERR_ACCESS_DENIED';
  if (GONE.test(code) || WRONG_ARN.test(message)) return 'ERR_DESTINATION_GONE';
  if (/^BatchRequestTooLong(Exception)?$/.test(code) || httpStatus === 413 || isTooLong(message))
    return 'ERR_MESSAGE_TOO_LARGE';
  // What the SDK throws when it was never told where to call: no retry will help.
  if (message === 'Region is missing') return 'ERR_INVALID_OPTION';
  return senderFault || code === 'InvalidMessageContents' ? 'ERR_MESSAGE_INVALID' : 'ERR_UNAVAILABLE';
}

/** SQS: "Message must be shorter than 1048576 bytes." SNS: "Invalid parameter: Message too long". */
function isTooLong(message: string): boolean {
  return /must be shorter than|message too long/i.test(message);
}

function failureOf(error: unknown): Failure {
  if (!isRecord(error)) return { code: 'Error', message: String(error), senderFault: false };
  const metadata = isRecord(error['$metadata']) ? error['$metadata'] : {};
  const httpStatus = metadata['httpStatusCode'];
  return {
    code: bareCode(nameOf(error)),
    message: typeof error['message'] === 'string' ? error['message'] : '',
    senderFault: error['$fault'] === 'client',
    ...(typeof httpStatus === 'number' && { httpStatus }),
  };
}

/** The modelled name where the SDK knows the error, else the code: `ECONNREFUSED` says more than `Error`. */
function nameOf(error: Record<string, unknown>): string {
  const candidates = [error['name'], error['code'], error['Code']];
  const names = candidates.filter((name): name is string => typeof name === 'string' && name !== '');
  return names.find((name) => name !== 'Error') ?? 'Error';
}

/** `com.amazonaws.sqs#QueueDoesNotExist` and `AWS.SimpleQueueService.NonExistentQueue` without what is before. */
function bareCode(code: string): string {
  return code.replace(/^.*#/, '').replace(/^AWS\.SimpleQueueService\./, '');
}
