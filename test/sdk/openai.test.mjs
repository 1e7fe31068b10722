// SPDX-License-Identifier: Apache-2.0
// The OpenAI SDK through weir: chat, completions, embeddings, responses, listings; whole, streamed, failing over, failing.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { collect, models, rejection, scripts, startWorld } from './harness.mjs';

let world, client;
let used = 0;

before(async () => {
  world = await startWorld(
    { first: { speaks: ['openai-chat', 'openai-responses'], key: 'sk-first' }, second: { speaks: ['openai-chat', 'openai-responses'], key: 'sk-second' } },
    (urls) => ({
      keys: [{ name: 'app', key: 'weir-app-key-0123456789' }],
      providers: {
        first: { dialect: ['openai-chat', 'openai-responses'], base_url: `${urls.first}/v1`, keys: ['sk-first'], models: ['m', ...models], priority: 1, retries: 0 },
        second: { dialect: ['openai-chat', 'openai-responses'], base_url: `${urls.second}/v1`, keys: ['sk-second'], models: ['m', ...models], priority: 2 },
      },
    }),
  );
  client = new OpenAI({ apiKey: 'weir-app-key-0123456789', baseURL: `${world.url}/v1` });
});
after(() => world.stop());

const messages = [{ role: 'user', content: 'Hello' }];
const texts = (chunks) => chunks.map((c) => c.choices[0]?.delta?.content ?? '').join('');

test('chat, whole', async () => {
  await world.sims.next('first', { do: 'auto', text: 'A whole answer.' });
  const { data, response } = await client.chat.completions.create({ model: 'm', messages }).withResponse();
  assert.equal(data.choices[0].message.content, 'A whole answer.');
  assert.equal(data.choices[0].finish_reason, 'stop');
  assert.equal(data.usage.prompt_tokens, 11);
  assert.equal(response.headers.get('x-weir-provider'), 'first');
  assert.equal(response.headers.get('x-weir-attempts'), '1');
});

test('chat, streamed: no usage that was not asked for', async () => {
  await world.sims.next('first', { do: 'auto', text: 'One two three.' });
  const chunks = await collect(await client.chat.completions.create({ model: 'm', messages, stream: true }));
  assert.equal(texts(chunks), 'One two three.');
  assert.ok(chunks.every((c) => c.usage === undefined && c.choices.length > 0));
  const request = (await world.sims.journal('first')).at(-1);
  assert.equal(JSON.parse(request.body).stream_options.include_usage, true);
});

test('chat, streamed with usage', async () => {
  await world.sims.next('first', { do: 'auto', text: 'One two three.' });
  const chunks = await collect(await client.chat.completions.create({ model: 'm', messages, stream: true, stream_options: { include_usage: true } }));
  assert.equal(chunks.at(-1).usage.completion_tokens, 7);
});

for (const stream of [false, true]) {
  for (const fault of [{ do: 'fail', status: 503 }, { do: 'fail', status: 401 }, { do: 'fail', status: 429 }, { do: 'reset' }, { do: 'body', status: 200, body: '{"error":{"message":"overloaded","type":"server_error"}}' }]) {
    test(`failover from ${JSON.stringify(fault)}, ${stream ? 'streamed' : 'whole'}`, async () => {
      const model = models[used++];
      await world.sims.next('first', ...scripts(fault));
      await world.sims.next('second', { do: 'auto', text: 'From the second.' });
      const { data, response } = await client.chat.completions.create({ model, messages, stream }).withResponse();
      const text = stream ? texts(await collect(data)) : data.choices[0].message.content;
      assert.equal(text, 'From the second.');
      assert.equal(response.headers.get('x-weir-provider'), 'second');
      assert.equal(response.headers.get('x-weir-attempts'), '2');
    });
  }
}

test('a stream cut before content is answered by the next provider', async () => {
  await world.sims.next('first', { do: 'cut', after: 0 });
  await world.sims.next('second', { do: 'auto', text: 'From the second.' });
  assert.equal(texts(await collect(await client.chat.completions.create({ model: 'm', messages, stream: true }))), 'From the second.');
});

test('a stream cut after content ends with the SDK\'s error, never as a short answer', async () => {
  await world.sims.next('first', { do: 'cut', after: 2, text: 'One two three four.' });
  const chunks = [];
  const error = await rejection((async () => {
    for await (const chunk of await client.chat.completions.create({ model: 'm', messages, stream: true })) chunks.push(chunk);
  })());
  assert.ok(error instanceof OpenAI.APIError, `${error}`);
  assert.equal(texts(chunks), 'One two');
});

test('errors raise the class they raise against the provider', async () => {
  await world.sims.next('first', { do: 'fail', status: 400, message: 'Invalid value: x.' });
  const bad = await rejection(client.chat.completions.create({ model: 'm', messages }));
  assert.ok(bad instanceof OpenAI.BadRequestError);
  assert.match(bad.message, /Invalid value: x\./);

  const unknown = await rejection(client.chat.completions.create({ model: 'no-such-model', messages }));
  assert.ok(unknown instanceof OpenAI.NotFoundError);
  assert.equal(unknown.code, 'model_not_found');

  const stranger = new OpenAI({ apiKey: 'wrong', baseURL: `${world.url}/v1` });
  assert.ok((await rejection(stranger.chat.completions.create({ model: 'm', messages }))) instanceof OpenAI.AuthenticationError);
});

test('rate limits everywhere: the SDK does not multiply our attempts', async () => {
  const before = (await world.sims.journal('first')).length + (await world.sims.journal('second')).length;
  const limited = { do: 'fail', status: 429, headers: [['retry-after', '60']] };
  await world.sims.next('first', limited);
  await world.sims.next('second', limited);
  const error = await rejection(client.chat.completions.create({ model: 'm', messages }));
  assert.ok(error instanceof OpenAI.RateLimitError);
  assert.equal(error.headers.get('retry-after'), '60');
  const attempts = (await world.sims.journal('first')).length + (await world.sims.journal('second')).length - before;
  assert.equal(attempts, 2);
});
