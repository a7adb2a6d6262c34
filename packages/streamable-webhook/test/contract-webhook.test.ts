import { transportContract } from '@asyncmcp/testkit';
import { NOT_SUPPORTED, createStreamableFixture } from './contract-fixture.js';

transportContract({
  name: 'streamable-webhook, webhook',
  setup: () => createStreamableFixture('webhook'),
  supports: NOT_SUPPORTED.webhook,
});
