import { Command, InvalidArgumentError, Option } from 'commander';
import type { CommanderError } from 'commander';
import type { TransportName } from './client-side.js';

/** What the command is told, by flag or by the environment. */
export interface Flags {
  transport: TransportName;
  scenario: boolean;
  pageUrl?: string;
  timeout: number;
  endpoint?: string;
  region?: string;
  requestQueueUrl?: string;
  responseQueueUrl?: string;
  requestTopicArn?: string;
  responseTopicArn?: string;
  serverUrl?: string;
  webhookUrl?: string;
  webhookHost: string;
  webhookPort: number;
  clientId?: string;
}

const TRANSPORTS: readonly TransportName[] = ['sqs', 'sns-sqs', 'webhook', 'streamable-webhook'];

/** For terminals of 80 columns; on wider ones, long lines are no easier to read. */
const HELP_WIDTH = 80;

const AWS_OPTIONS = 'Options for sqs and sns-sqs:';
const HTTP_OPTIONS = 'Options for webhook and streamable-webhook:';
const SCENARIO_OPTIONS = 'Options for --scenario:';

const HELP_AFTER = `
At a terminal it takes commands; help lists them, init connects. Calls run while
you go on typing. ASYNCMCP_HISTORY names a file to keep what was typed in.

From a pipe or a file it takes the same commands, each when the one before it is
done, and exits with 1 if one failed. A call whose line ends in " &" is not
waited for:
  printf 'init\\ntools\\ncall greet name=Ada\\nquit\\n' | demo-client

--scenario does everything by itself, checks the results, and shows what
travelled. It exits with 0 when every step was checked, with 1 when one was not
as it must be.

sqs, sns-sqs
  Credentials come from where every AWS client takes them: AWS_ACCESS_KEY_ID and
  AWS_SECRET_ACCESS_KEY, AWS_PROFILE, a role. Emulators take any.
webhook, streamable-webhook
  The client listens for replies and tells the server where. A demo server on
  the same machine reaches it as it is; for one elsewhere have a reverse proxy
  or a tunnel with https before it, and give that as --webhook-url. Replies are
  signed with a secret that the client makes; it takes no others.`;

/** The command without its work: it knows its flags, and exits with code 2 if they are not as they should be. */
export function createCommand(): Command {
  return new Command('demo-client')
    .description('Talks to an MCP server over SQS, SNS and SQS, webhooks, or Streamable HTTP with webhooks.')
    .addOption(
      new Option('--transport <name>', 'how to reach the server:')
        .choices(TRANSPORTS)
        .env('ASYNCMCP_TRANSPORT')
        .default('sqs'),
    )
    .addOption(
      new Option(
        '--timeout <seconds>',
        'how long to wait for an answer; what is heard of a call gives it the time again',
      )
        .env('ASYNCMCP_TIMEOUT')
        .argParser(secondsAboveZero)
        .default(30),
    )
    .addOption(
      new Option('--client-id <id>', "who this client is, if its queue's filter policy is to know; else a UUID").env(
        'ASYNCMCP_CLIENT_ID',
      ),
    )
    .addOption(new Option('--scenario', "runs the demo's scenario instead of taking commands").default(false))
    .optionsGroup(SCENARIO_OPTIONS)
    .addOption(
      new Option('--page-url <url>', 'a page for the server to get; without it, fetch and analyze are left out')
        .env('ASYNCMCP_PAGE_URL')
        .argParser(httpUrl),
    )
    .optionsGroup(AWS_OPTIONS)
    .addOption(
      new Option('--request-queue-url <url>', "sqs: the server's queue; required").env('ASYNCMCP_REQUEST_QUEUE_URL'),
    )
    .addOption(
      new Option('--request-topic-arn <arn>', "sns-sqs: the topic of the server's queue; required").env(
        'ASYNCMCP_REQUEST_TOPIC_ARN',
      ),
    )
    .addOption(
      new Option('--response-topic-arn <arn>', 'sns-sqs: the topic that replies are published to; required').env(
        'ASYNCMCP_RESPONSE_TOPIC_ARN',
      ),
    )
    .addOption(
      new Option(
        '--response-queue-url <url>',
        'the queue that replies come to; else a temporary one, deleted at the end',
      ).env('ASYNCMCP_RESPONSE_QUEUE_URL'),
    )
    .addOption(
      new Option('--endpoint <url>', 'address of SQS and SNS, for emulators; else those of AWS').env(
        'AWS_ENDPOINT_URL',
      ),
    )
    .addOption(new Option('--region <name>', 'AWS region; else that of the profile').env('AWS_REGION'))
    .optionsGroup(HTTP_OPTIONS)
    .addOption(
      new Option(
        '--server-url <url>',
        'where the server takes messages; else port 8000 of this machine, /mcp/request or /mcp',
      ).env('ASYNCMCP_SERVER_URL'),
    )
    .addOption(
      new Option(
        '--webhook-url <url>',
        'where the server reaches this client, if not where it listens; what comes there must arrive at /webhook/response',
      ).env('ASYNCMCP_WEBHOOK_URL'),
    )
    .addOption(
      new Option('--webhook-host <address>', 'the address to listen on')
        .env('ASYNCMCP_WEBHOOK_HOST')
        .default('127.0.0.1'),
    )
    .addOption(
      new Option('--webhook-port <number>', 'the port to listen on; 0 is any free one')
        .env('ASYNCMCP_WEBHOOK_PORT')
        .argParser(portNumber)
        .default(0),
    )
    .configureHelp({ helpWidth: HELP_WIDTH, optionDescription: describeOption })
    .addHelpText('after', HELP_AFTER)
    .exitOverride((error) => process.exit(exitCodeOf(error)));
}

/** Compose files and task runners pass on what is not set as empty. */
export function forgetEmptyVariables(command: Command, environment: NodeJS.ProcessEnv): void {
  for (const { envVar } of command.options) {
    if (envVar !== undefined && environment[envVar] === '') delete environment[envVar];
  }
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
function describeOption({ description, argChoices = [], envVar, defaultValue }: Option): string {
  const origins = [
    ...(envVar === undefined ? [] : [`env: ${envVar}`]),
    ...(defaultValue === undefined || defaultValue === false ? [] : [`default: ${String(defaultValue)}`]),
  ];
  const text = [description, argChoices.join(', ')].filter((part) => part !== '').join(' ');
  return origins.length === 0 ? text : `${text}\n(${origins.join(', ')})`;
}

/** 2 for what is wrong with the flags, as shells do. */
function exitCodeOf({ code, exitCode }: CommanderError): number {
  return exitCode === 0 || code === 'commander.error' ? exitCode : 2;
}

function secondsAboveZero(value: string): number {
  const seconds = Number(value);
  if (seconds > 0 && seconds <= MAX_SECONDS) return seconds;
  throw new InvalidArgumentError(`It must be a number of seconds above 0, up to ${MAX_SECONDS}.`);
}

/** A day; timers go up to 24 of these. */
const MAX_SECONDS = 86_400;

function portNumber(value: string): number {
  const port = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (port <= 65_535) return port;
  throw new InvalidArgumentError('It must be a whole number from 0 to 65535.');
}

function httpUrl(value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  throw new InvalidArgumentError('It must be an http or https URL.');
}
