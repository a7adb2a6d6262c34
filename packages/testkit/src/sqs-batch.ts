import type { BatchResultErrorEntry } from '@aws-sdk/client-sqs';

/** What SendMessageBatch, DeleteMessageBatch and ChangeMessageVisibilityBatch have in common. */
export interface BatchInput {
  readonly Entries?: readonly { readonly Id: string | undefined }[] | undefined;
}

export interface BatchResult {
  readonly Successful?: readonly { readonly Id: string | undefined }[] | undefined;
  readonly Failed?: readonly BatchResultErrorEntry[] | undefined;
}

/** How many entries a call has; 1 when it is not a batch. */
export function entryCount(input: BatchInput): number {
  return input.Entries?.length ?? 1;
}

export function isBatch(commandName: string): boolean {
  return commandName.endsWith('BatchCommand');
}

/** The first `count` entries, and the input with those that are left. */
export function splitBatch<T extends BatchInput>(input: T, count: number): { taken: string[]; rest: T } {
  const entries = input.Entries ?? [];
  const taken = entries.slice(0, count).map(({ Id }) => String(Id));
  return { taken, rest: { ...input, Entries: entries.slice(count) } };
}

/** The broker's answer with more results in front of its own. */
export function mergeResult<T extends object>(answer: T, more: BatchResult): T {
  const own: BatchResult = answer;
  return {
    ...answer,
    Successful: [...(more.Successful ?? []), ...(own.Successful ?? [])],
    Failed: [...(more.Failed ?? []), ...(own.Failed ?? [])],
  };
}

export function failedEntry(Id: string, Code: string, SenderFault: boolean): BatchResultErrorEntry {
  return { Id, Code, SenderFault, Message: `${Code}, injected by a test` };
}
