/**
 * The protocol revisions a message may name in its metadata. What a session really speaks is negotiated by the user's
 * server; a session's own negotiated version is accepted even when it is newer than this list.
 *
 * Source: MCP specification, versioning; the list is that of the SDK 1.32.
 */
export const SUPPORTED_PROTOCOL_VERSIONS: readonly string[] = [
  '2025-11-25',
  '2025-06-18',
  '2025-03-26',
  '2024-11-05',
  '2024-10-07',
];
