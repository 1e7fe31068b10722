// SPDX-License-Identifier: Apache-2.0
// The Anthropic SDK through weir.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { models, rejection, scripts, startWorld } from './harness.mjs';

let world, client;
let used = 0;

before(async () => {
  world = await startWorld(
    { first: { speaks: ['anthropic'], key: 'sk-first' }, second: { speaks: ['anthropic'], key: 'sk-second' } },
    (urls) => ({
      keys: [{ name: 'app', key: 'weir-app-key-0123456789' }],
      providers: {
        first: { dialect: 'anthropic', base_url: urls.first, auth: 'header:x-api-key', keys: ['sk-first'], models: ['m', ...models], priority: 1, retries: 0 },
        second: { dialect: 'anthropic', base_url: urls.second, auth: 'header:x-api-key', keys: ['sk-second'], models: ['m', ...models], priority: 2 },
      },
    }),
  );
  client = new Anthropic({ apiKey: 'weir-app-key-0123456789', baseURL: world.url });
});
after(() => world.stop());

const request = { model: 'm', max_tokens: 64, messages: [{ role: 'user', content: 'Hello' }] };

test('messages, whole', async () => {
  await world.sims.next('first', { do: 'auto', text: 'A whole answer.' });
  const message = await client.messages.create(request);
  assert.equal(message.content[0].text, 'A whole answer.');
  assert.equal(message.stop_reason, 'end_turn');
  const seen = (await world.sims.journal('first')).at(-1);
  assert.equal(seen.problem, null);
});

test('messages, streamed', async () => {
  await world.sims.next('first', { do: 'auto', text: 'One two three.' });
  const message = await client.messages.stream(request).finalMessage();
  assert.equal(message.content[0].text, 'One two three.');
  assert.equal(message.usage.output_tokens, 7);
});

for (const stream of [false, true]) {
  for (const fault of [{ do: 'fail', status: 529 }, { do: 'fail', status: 500 }, { do: 'reset' }]) {
    test(`failover from ${JSON.stringify(fault)}, ${stream ? 'streamed' : 'whole'}`, async () => {
      const model = models[used++];
      await world.sims.next('first', ...scripts(fault));
      await world.sims.next('second', { do: 'auto', text: 'From the second.' });
      const message = stream ? await client.messages.stream({ ...request, model }).finalMessage() : await client.messages.create({ ...request, model });
      assert.equal(message.content[0].text, 'From the second.');
    });
  }
}

test('a stream cut after content raises', async () => {
  await world.sims.next('first', { do: 'cut', after: 2, text: 'One two three four.' });
  const error = await rejection(client.messages.stream(request).finalMessage());
  assert.ok(error instanceof Anthropic.AnthropicError, `${error}`);
});

test('count_tokens', async () => {
  assert.ok((await client.messages.countTokens({ model: 'm', messages: request.messages })).input_tokens > 0);
});

test('overloaded everywhere is 529, and the SDK does not multiply attempts', async () => {
  const model = models[used++];
  const before = (await world.sims.journal('first')).length;
  await world.sims.next('first', { do: 'fail', status: 529 }, { do: 'fail', status: 529 });
  await world.sims.next('second', { do: 'fail', status: 529 }, { do: 'fail', status: 529 });
  const error = await rejection(client.messages.create({ ...request, model }));
  assert.equal(error.status, 529);
  assert.equal(error.error.error.type, 'overloaded_error');
  assert.equal((await world.sims.journal('first')).length, before + 1);
});

test('errors raise the class they raise against the provider', async () => {
  const bad = await rejection(client.messages.create({ ...request, model: 'no-such-model' }));
  assert.ok(bad instanceof Anthropic.NotFoundError);
  const stranger = new Anthropic({ apiKey: 'wrong', baseURL: world.url });
  assert.ok((await rejection(stranger.messages.create(request))) instanceof Anthropic.AuthenticationError);
});

test('models in Anthropic\'s shape', async () => {
  const page = await client.models.list();
  assert.deepEqual(page.data.slice(0, 1).map((m) => [m.type, m.id]), [['model', 'm']]);
});
