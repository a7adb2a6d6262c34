/**
 * jest runs tests in a realm of their own, where errors that node itself makes (ECONNRESET, say) are not `instanceof Error`.
 * The AWS SDK then wraps them and loses their code: tests would see failures that production never shows.
 */
import { types } from 'node:util';

const ordinary = Function.prototype[Symbol.hasInstance];
Object.defineProperty(Error, Symbol.hasInstance, {
  configurable: true,
  value(candidate) {
    return ordinary.call(this, candidate) || (this === Error && types.isNativeError(candidate));
  },
});

// The AWS SDK warns once per file about Node 20, which the packages support.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
