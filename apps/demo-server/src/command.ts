import { Command, InvalidArgumentError, Option } from 'commander';
import { LOG_LEVELS } from './console-log.js';
import { TRANSPORTS } from './replies.js';
import { TOOLS } from './tools/catalogue.js';
import type { CommanderError } from 'commander';
import type { LogLevel } from './console-log.js';
import type { Transport } from './replies.js';

/** What the command is told, by flag or by the environment. */
export interface Flags {
  transport: Transport;
  requestQueueUrl?: string;
  deadLetterQueueUrl?: string;
  endpoint?: string;
  region?: string;
  host: string;
  port: number;
  concurrency: number;
  sessions?: string;
  allowPrivateFetch: boolean;
  allowWebhookHosts: readonly string[];
  logLevel: LogLevel;
}

/** For terminals of 80 columns; on wider ones, long lines are no easier to read. */
const HELP_WIDTH = 80;

const AWS_OPTIONS = 'Options for sqs and sns-sqs:';
const HTTP_OPTIONS = 'Options for webhook and streamable-webhook:';

const HELP_AFTER = `
Transports:
  sqs, sns-sqs
    Credentials come from where every AWS client takes them: AWS_ACCESS_KEY_ID
    and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, a role. Emulators take any. The
    server creates nothing in AWS: the queue must exist and, for sns-sqs, be
    subscribed to the topic that clients publish to (provisionSnsSqs makes all
    of it). Clients bring their own reply queues.
  webhook
    Clients post to http://<host>:<port>/mcp/request, and each says where its
    webhook is: at a public https URL, or on this machine's loopback, which this
    demo allows and a server on the internet must not. GET /health says whether
    the server takes requests.
  streamable-webhook
    The same at http://<host>:<port>/mcp, for any MCP client that speaks
    Streamable HTTP. Those that give a webhook get the results of the slow tools
    (analyze, count_words, wait) there, and hold no connection for them.

Servers over one queue need one folder of --sessions: each then answers any
client, and what one did when it was killed is done again by another, over
queues 30 seconds later (the visibility timeout).

Ctrl-C or SIGTERM stops it when the calls that run are finished, or 30 seconds
later; once more stops it at once.`;

/** The command without its work: it knows its flags, and exits with code 2 if they are not as they should be. */
export function createCommand(): Command {
  return new Command('demo-server')
    .description(
      'Serves tools worth trying to MCP clients, the same over SQS, SNS and SQS, webhooks, or Streamable HTTP with webhooks.',
    )
    .addOption(
      new Option('--transport <name>', 'how requests and replies travel:')
        .choices(TRANSPORTS)
        .env('ASYNCMCP_TRANSPORT')
        .default('sqs'),
    )
    .addOption(
      new Option('--concurrency <calls>', 'most calls that run at once')
        .env('ASYNCMCP_CONCURRENCY')
        .argParser(wholeNumber(1, 10_000))
        .default(100),
    )
    .addOption(
      new Option(
        '--sessions <folder>',
        'keeps sessions in files, for servers that share them and for those that are started again; else in memory',
      ).env('ASYNCMCP_SESSIONS'),
    )
    .addOption(
      new Option(
        '--allow-private-fetch [boolean]',
        'lets fetch and analyze have what is not public: private addresses, this machine, cloud metadata',
      )
        .env('ASYNCMCP_ALLOW_PRIVATE_FETCH')
        .argParser(trueOrFalse)
        .preset('true')
        .default(false),
    )
    .addOption(
      new Option('--log-level <level>', 'what to print beside calls and sessions:')
        .choices(LOG_LEVELS)
        .env('LOG_LEVEL')
        .default('warn'),
    )
    .optionsGroup(AWS_OPTIONS)
    .addOption(
      new Option('--request-queue-url <url>', 'the queue that requests come to; required')
        .env('ASYNCMCP_REQUEST_QUEUE_URL')
        .argParser(httpUrl),
    )
    .addOption(
      new Option(
        '--dead-letter-queue-url <url>',
        "where messages go that can never be handled; else as the queue's redrive policy says",
      )
        .env('ASYNCMCP_DEAD_LETTER_QUEUE_URL')
        .argParser(httpUrl),
    )
    .addOption(
      new Option('--endpoint <url>', 'address of SQS and SNS, for emulators; else those of AWS')
        .env('AWS_ENDPOINT_URL')
        .argParser(httpUrl),
    )
    .addOption(new Option('--region <name>', 'AWS region; else that of the profile').env('AWS_REGION'))
    .optionsGroup(HTTP_OPTIONS)
    .addOption(
      new Option('--host <address>', 'the address to listen on; 0.0.0.0 is all of IPv4')
        .env('ASYNCMCP_HOST')
        .default('127.0.0.1'),
    )
    .addOption(
      new Option('--port <number>', 'the port to listen on; 0 is any free one')
        .env('ASYNCMCP_PORT')
        .argParser(wholeNumber(0, 65_535))
        .default(8000),
    )
    .addOption(
      new Option(
        '--allow-webhook-hosts <names>',
        'hosts beside this machine and the public ones that webhooks may be at, by http and on any port: a,b',
      )
        .env('ASYNCMCP_ALLOW_WEBHOOK_HOSTS')
        .argParser(hostNames)
        .default([], ''),
    )
    .configureHelp({ helpWidth: HELP_WIDTH, optionDescription: describeOption })
    .addHelpText('after', ({ command }) => toolList(command) + HELP_AFTER)
    .exitOverride((error) => process.exit(exitCodeOf(error)));
}

/** What to say when a queue is set in the environment, but the transport has none: one of the two was left over from another try. */
export function unusedQueue(command: Command): string | undefined {
  const { transport } = command.opts<Flags>();
  const isOverQueues = transport === 'sqs' || transport === 'sns-sqs';
  if (isOverQueues || command.getOptionValueSource('requestQueueUrl') !== 'env') return undefined;
  const from = command.getOptionValueSource('transport') === 'env' ? ' (ASYNCMCP_TRANSPORT)' : '';
  return `ASYNCMCP_REQUEST_QUEUE_URL is set, but not used: the transport is ${transport}${from}. For the queue: --transport sqs or sns-sqs.`;
}

/** What an option does, its choices, and in a line of its own where else it is taken from. */
function describeOption({
  description,
  argChoices = [],
  envVar,
  defaultValue,
  defaultValueDescription,
}: Option): string {
  const origins = [
    ...(envVar === undefined ? [] : [`env: ${envVar}`]),
    ...(defaultValue === undefined || defaultValue === false || defaultValueDescription === ''
      ? []
      : [`default: ${String(defaultValue)}`]),
  ];
  const text = [description, argChoices.join(', ')].filter((part) => part !== '').join(' ');
  return origins.length === 0 ? text : `${text}\n(${origins.join(', ')})`;
}

/** Compose files and task runners pass on what is not set as empty. */
export function forgetEmptyVariables(command: Command, environment: NodeJS.ProcessEnv): void {
  for (const { envVar } of command.options) {
    if (envVar !== undefined && environment[envVar] === '') delete environment[envVar];
  }
}

/** 2 for what is wrong with the flags, as shells do. */
export function exitCodeOf({ code, exitCode }: CommanderError): number {
  return exitCode === 0 || code === 'commander.error' ? exitCode : 2;
}

function toolList(command: Command): string {
  const help = command.createHelp();
  help.prepareContext({ helpWidth: HELP_WIDTH });
  const width = Math.max(...Object.keys(TOOLS).map((name) => name.length));
  const items = Object.entries(TOOLS).map(([name, { description }]) =>
    help.formatItem(name, width, name === 'announce' ? `${description} Over sns-sqs only.` : description, help),
  );
  return `\nTools:\n${items.join('\n')}\n`;
}

function wholeNumber(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It has to be a whole number from ${min} to ${max}.`);
  };
}

function hostNames(value: string): readonly string[] {
  const names = value.split(',').map((name) => name.trim().toLowerCase());
  if (names.every((name) => /^[a-z0-9._-]+$/.test(name))) return names;
  throw new InvalidArgumentError('It has to be host names with commas between them.');
}

function trueOrFalse(value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  throw new InvalidArgumentError('It has to be true or false.');
}

function httpUrl(value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  throw new InvalidArgumentError('It has to be an http or https URL.');
}
