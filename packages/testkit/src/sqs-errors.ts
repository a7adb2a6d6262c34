import { SQSServiceException } from '@aws-sdk/client-sqs';

/** What the SDK throws when the connection broke and its own retries did not help. It calls all of these timeouts. */
export function networkError(code = 'ECONNRESET'): Error {
  return transientError('socket hang up', code);
}

/** What the SDK throws when no answer came in time: the broker may have done what it was asked, or not. */
export function timeoutError(): Error {
  return transientError('connect ETIMEDOUT', 'ETIMEDOUT');
}

/** What the SDK throws when the caller's signal was aborted. */
export function abortError(): Error {
  const error = new Error('Request aborted');
  error.name = 'AbortError';
  return error;
}

/** Too many requests. */
export function throttlingError(): SQSServiceException {
  return serviceError('ThrottlingException', 400, 'Rate exceeded', 'client');
}

/** The service cannot take it now. */
export function unavailableError(): SQSServiceException {
  return serviceError('ServiceUnavailable', 503, 'Service is unable to handle request', 'server');
}

function transientError(message: string, code: string): Error {
  const error = Object.assign(new Error(message), { code, $metadata: { attempts: 3, totalRetryDelay: 0 } });
  error.name = 'TimeoutError';
  return error;
}

function serviceError(name: string, status: number, message: string, fault: 'client' | 'server'): SQSServiceException {
  return new SQSServiceException({ name, message, $fault: fault, $metadata: { httpStatusCode: status, attempts: 3 } });
}
