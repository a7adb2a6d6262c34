import { DeleteMessageCommand } from '@aws-sdk/client-sqs';

/** What {@link createMiddlewareOrder} needs of a command of any AWS SDK client. */
export interface AnyCommand {
  /** The SDK's own method, which makes the function that sends the command. */
  // The SDK's own type for "a command of whatever client" has `any` here, too: what the types are differs from client to client.
  resolveMiddleware(stack: never, configuration: never, options: unknown): unknown;
}

type Handler = (args: unknown) => Promise<unknown>;
type Middleware = (next: Handler, context: Context) => Handler;

/** What a call's middlewares share. */
interface Context {
  readonly logger?: object | undefined;
  inputFilterSensitiveLog?: (input: unknown) => unknown;
  outputFilterSensitiveLog?: (output: unknown) => unknown;
}

/** The part of the SDK's `MiddlewareStack` that is used here. */
interface Stack {
  add(middleware: Middleware, options: object): void;
  addRelativeTo(middleware: Middleware, options: object): void;
  applyToStack(stack: Pick<Stack, 'add' | 'addRelativeTo'>): unknown;
  concat(stack: Stack): Stack;
  identifyOnResolve(): boolean;
  resolve(handler: Handler, context: Context): Handler;
}

/** The middlewares of a client, and those of a command with them. */
interface Order {
  readonly added: readonly Middleware[];
  readonly running: readonly Middleware[];
}

/**
 * Makes commands of one kind cheaper to send: the result prepares one, and returns it.
 *
 * For each command the AWS SDK copies its client's dozen middlewares, sorts them, and makes filtered copies of input and
 * output for a logger, although by default there is none: a tenth of what a batch of ten messages costs the process. Here the
 * order is found once for each client, and again when its middlewares have changed. The SDK's own remedy, `cacheMiddleware`,
 * does not see such changes, does nothing for calls with an abort signal, and has all calls share one context.
 */
export function createMiddlewareOrder(): <Command extends AnyCommand>(command: Command) => Command {
  const orders = new WeakMap<object, Order>();
  /** Whether a method is the SDK's own. */
  const ofSdk = new WeakMap<object, boolean>();

  function withKnownOrder(stack: Stack): Stack {
    // Wants the SDK to print its middlewares, or was wrapped by somebody who wants to see each call, as OpenTelemetry does.
    if (stack.identifyOnResolve() || !isKnownAsOfSdk(stack, 'concat') || !isKnownAsOfSdk(stack, 'resolve'))
      return stack;
    return { ...stack, concat: (own) => ({ ...own, resolve: resolve.bind(undefined, orderOf(stack, own)) }) };
  }

  function isKnownAsOfSdk(stack: Stack, name: 'concat' | 'resolve'): boolean {
    const method = stack[name];
    const known = ofSdk.get(method) ?? isOfSdk(method, name);
    ofSdk.set(method, known);
    return known;
  }

  function orderOf(stack: Stack, own: Stack): readonly Middleware[] {
    const known = orders.get(stack);
    const added = inOrderOfAddition(stack);
    if (known !== undefined && isSame(known.added, added)) return known.running;
    const running = inOrderOfRunning(stack.concat(own));
    orders.set(stack, { added, running });
    return running;
  }

  return (command) => {
    // The method as the SDK has it, but with another stack.
    const resolveMiddleware = command.resolveMiddleware.bind(command) as (stack: Stack, ...rest: unknown[]) => unknown;
    const prepared = (stack: Stack, ...rest: unknown[]): unknown => resolveMiddleware(withKnownOrder(stack), ...rest);
    return Object.assign(command, { resolveMiddleware: prepared });
  };
}

function inOrderOfAddition(stack: Stack): Middleware[] {
  const added: Middleware[] = [];
  const add = (middleware: Middleware): void => void added.push(middleware);
  stack.applyToStack({ add, addRelativeTo: add });
  return added;
}

function isSame(some: readonly Middleware[], others: readonly Middleware[]): boolean {
  return some.length === others.length && some.every((middleware, index) => middleware === others[index]);
}

/** What `Stack.resolve` does, once the order is known. */
function resolve(order: readonly Middleware[], handler: Handler, context: Context): Handler {
  if (isSilent(context.logger)) {
    context.inputFilterSensitiveLog = same;
    context.outputFilterSensitiveLog = same;
  }
  return order.reduceRight((next, middleware) => middleware(next, context), handler);
}

/** The SDK tells nobody, but it can be watched building the chain. */
function inOrderOfRunning(stack: Stack): Middleware[] {
  const order: Middleware[] = [];
  const watch = (middleware: Middleware): Middleware => {
    return (next) => {
      order.unshift(middleware);
      return next;
    };
  };
  const copy = emptyStack();
  // The options have the middleware in them, too, and what they say counts.
  stack.applyToStack({
    add(middleware, options) {
      const watcher = watch(middleware);
      copy.add(watcher, { ...options, middleware: watcher });
    },
    addRelativeTo(middleware, options) {
      const watcher = watch(middleware);
      copy.addRelativeTo(watcher, { ...options, middleware: watcher });
    },
  });
  copy.resolve(() => Promise.resolve(), {});
  return order;
}

/** The SDK exports no constructor for stacks; every new command has an empty one. */
function emptyStack(): Stack {
  return new DeleteMessageCommand({ QueueUrl: undefined, ReceiptHandle: undefined })
    .middlewareStack as unknown as Stack;
}

/**
 * Whether a method is the one that the SDK gave the stack. Every stack has functions of its own, so they are told by what they look
 * like; all have to fit, because the stack that is compared with may have been wrapped, too. What is taken for somebody else's by
 * mistake costs time, and nothing else.
 */
function isOfSdk(method: Stack['concat'] | Stack['resolve'], name: 'concat' | 'resolve'): boolean {
  const isPlain = Reflect.ownKeys(method).every((key) => key === 'name' || key === 'length');
  return isPlain && method.name === name && String(method) === String(emptyStack()[name]);
}

/** Whether it is the SDK's logger that does nothing, which a client has that was given none. */
function isSilent(logger: object | undefined): boolean {
  return logger?.constructor.name === 'NoOpLogger';
}

function same(value: unknown): unknown {
  return value;
}
