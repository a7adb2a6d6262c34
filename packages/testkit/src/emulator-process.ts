/**
 * The emulator as a program: `node emulator-process.js [port]`. Prints its address as one line of JSON, and ends on
 * SIGTERM, SIGINT, or with the parent that forked it.
 */
import { startAwsEmulator } from './aws-emulator.js';

const emulator = await startAwsEmulator({ port: Number(process.argv[2] ?? 0) });

const end = () => void emulator.stop().then(() => process.exit(0));
for (const event of ['SIGTERM', 'SIGINT', 'disconnect']) process.once(event, end);

process.stdout.write(`${JSON.stringify({ endpoint: emulator.endpoint, port: emulator.port })}\n`);
