import { transportContract } from '@asyncmcp/testkit';
import { NOT_SUPPORTED, createWebhookFixture } from './contract-fixture.js';

transportContract({ name: 'webhook', setup: createWebhookFixture, supports: NOT_SUPPORTED });
