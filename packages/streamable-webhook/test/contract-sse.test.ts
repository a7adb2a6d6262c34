import { transportContract } from '@asyncmcp/testkit';
import { NOT_SUPPORTED, createStreamableFixture } from './contract-fixture.js';

transportContract({
  name: 'streamable-webhook, sse',
  setup: () => createStreamableFixture('sse'),
  supports: NOT_SUPPORTED.sse,
});
