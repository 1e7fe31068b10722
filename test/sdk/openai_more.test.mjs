// SPDX-License-Identifier: Apache-2.0
// The OpenAI SDK's other endpoints through weir.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { collect, rejection, startWorld } from './harness.mjs';

let world, client;

before(async () => {
  world = await startWorld({ only: { speaks: ['openai-chat', 'openai-responses'], key: 'sk-only' } }, (urls) => ({
    providers: { only: { dialect: ['openai-chat', 'openai-responses'], base_url: `${urls.only}/v1`, keys: ['sk-only'], models: { m: 'own-m' } } },
  }));
  client = new OpenAI({ apiKey: 'ignored', baseURL: `${world.url}/v1` });
});
after(() => world.stop());

test('completions', async () => {
  await world.sims.next('only', { do: 'auto', text: 'legacy' }, { do: 'auto', text: 'legacy stream' });
  assert.equal((await client.completions.create({ model: 'm', prompt: 'x' })).choices[0].text, 'legacy');
  const chunks = await collect(await client.completions.create({ model: 'm', prompt: 'x', stream: true }));
  assert.equal(chunks.map((c) => c.choices[0]?.text ?? '').join(''), 'legacy stream');
});

test('embeddings', async () => {
  const answer = await client.embeddings.create({ model: 'm', input: 'x', encoding_format: 'float' });
  assert.ok(answer.data[0].embedding.length > 0);
});

test('responses, whole and streamed', async () => {
  await world.sims.next('only', { do: 'auto', text: 'A response.' }, { do: 'auto', text: 'A streamed response.' });
  assert.equal((await client.responses.create({ model: 'm', input: 'x' })).output_text, 'A response.');
  const events = await collect(await client.responses.create({ model: 'm', input: 'x', stream: true }));
  assert.equal(events.filter((e) => e.type === 'response.output_text.delta').map((e) => e.delta).join(''), 'A streamed response.');
  assert.equal(events.at(-1).type, 'response.completed');
});

test('a response stream that is cut ends in the error event', async () => {
  await world.sims.next('only', { do: 'cut', after: 1, text: 'One two three.' });
  const seen = [];
  try {
    for await (const event of await client.responses.create({ model: 'm', input: 'x', stream: true })) seen.push(event.type);
  } catch (error) {
    assert.ok(error instanceof OpenAI.APIError);
    seen.push('error');
  }
  assert.ok(['error', 'response.failed'].includes(seen.at(-1)), seen.join());
  assert.ok(!seen.includes('response.completed'));
});

test('the model id is the provider\'s own there', async () => {
  await client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'x' }] });
  assert.equal(JSON.parse((await world.sims.journal('only')).at(-1).body).model, 'own-m');
});

test('models', async () => {
  const list = await collect(client.models.list());
  assert.deepEqual(list.map((m) => m.id), ['m']);
  assert.equal((await client.models.retrieve('m')).id, 'm');
  assert.ok((await rejection(client.models.retrieve('nothing'))) instanceof OpenAI.NotFoundError);
});

test('what comes later says so', async () => {
  const error = await rejection(client.moderations.create({ input: 'x' }, { maxRetries: 0 }));
  assert.equal(error.status, 501);
  assert.equal(error.code, 'weir_not_implemented');
});
