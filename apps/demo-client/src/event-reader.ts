/**
 * Reads a stream of Server-Sent Events as it comes, in pieces that end anywhere.
 *
 * @param onEvent - told the data of each event that has any: comments keep the connection alive, and are no events
 */
export function createEventReader(onEvent: (data: string) => void): (bytes: Uint8Array) => void {
  const decoder = new TextDecoder();
  let pending = '';
  return (bytes) => {
    pending += decoder.decode(bytes, { stream: true }).replaceAll('\r\n', '\n');
    const events = pending.split('\n\n');
    pending = events.pop() ?? '';
    for (const event of events) {
      const data = event.split('\n').flatMap((line) => (line.startsWith('data:') ? [line.slice(5).trimStart()] : []));
      if (data.join('') !== '') onEvent(data.join('\n'));
    }
  };
}
