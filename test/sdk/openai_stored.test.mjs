// SPDX-License-Identifier: Apache-2.0
// The OpenAI SDK through weir: responses that follow each other, and conversations, on a backend that stores nothing; and on one that does.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { startWorld } from './harness.mjs';

let world, client;

before(async () => {
  world = await startWorld({ plain: { speaks: ['anthropic'], key: 'sk-plain' }, keeper: { speaks: ['openai-responses'], key: 'sk-keeper' } }, (urls) => ({
    providers: {
      plain: { dialect: 'anthropic', base_url: urls.plain, keys: ['sk-plain'], models: ['plain'] },
      keeper: { dialect: 'openai-responses', base_url: `${urls.keeper}/v1`, keys: ['sk-keeper'], models: ['keeper'] },
    },
  }));
  client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: 'any', maxRetries: 0 });
});

after(() => world.stop());

const tools = [{ type: 'function', name: 'look_up', parameters: { type: 'object', properties: { what: { type: 'string' } } } }];
const calls = (id) => ({ do: 'auto', text: 'Looking.', calls: [[id, 'look_up', { what: id }]] });

const result = (response) => response.output.filter((item) => item.type === 'function_call')
  .map((item) => ({ type: 'function_call_output', call_id: item.call_id, output: `found ${JSON.parse(item.arguments).what}` }));

test('a tool loop by previous_response_id, whole', async () => {
  await world.sims.next('plain', calls('toolu_1'), calls('toolu_2'), { do: 'auto', text: 'Done.' });
  let response = await client.responses.create({ model: 'plain', input: 'Find.', tools });
  for (let turn = 0; turn < 2; turn++)
    response = await client.responses.create({ model: 'plain', input: result(response), previous_response_id: response.id, tools });
  assert.equal(response.output_text, 'Done.');
  const problems = (await world.sims.journal('plain')).map((request) => request.problem);
  assert.ok(problems.every((problem) => problem === null), String(problems));
});

test('the same, streamed', async () => {
  await world.sims.next('plain', calls('toolu_3'), { do: 'auto', text: 'Done.' });
  const first = await client.responses.stream({ model: 'plain', input: 'Find.', tools }).finalResponse();
  const stream = client.responses.stream({ model: 'plain', input: result(first), previous_response_id: first.id, tools });
  const ids = new Set();
  for await (const event of stream) if (event.response) ids.add(event.response.id);
  const second = await stream.finalResponse();
  assert.deepEqual([...ids], [second.id]);
  assert.equal(second.previous_response_id, first.id);
  assert.equal(second.output_text, 'Done.');
});

test('retrieve, input items, cancel, delete', async () => {
  const response = await client.responses.create({ model: 'plain', input: 'Hello.' });
  const again = await client.responses.retrieve(response.id);
  assert.equal(again.output_text ?? again.output[0].content[0].text, response.output_text);
  const items = [];
  for await (const item of client.responses.inputItems.list(response.id, { limit: 1 })) items.push(item);
  assert.deepEqual(items.map((item) => item.content[0].text), ['Hello.']);
  await assert.rejects(client.responses.cancel(response.id), OpenAI.BadRequestError);
  await client.responses.delete(response.id);
  await assert.rejects(client.responses.retrieve(response.id), (error) =>
    error instanceof OpenAI.NotFoundError && error.message.includes(`Response with id '${response.id}' not found.`));
  await assert.rejects(client.responses.create({ model: 'plain', input: 'And?', previous_response_id: response.id }), (error) =>
    error instanceof OpenAI.BadRequestError && error.code === 'previous_response_not_found' && error.param === 'previous_response_id');
});

test('conversations', async () => {
  const conversation = await client.conversations.create({ metadata: { topic: 'demo' }, items: [{ type: 'message', role: 'user', content: 'Call me Al.' }] });
  assert.equal(conversation.object, 'conversation');
  assert.deepEqual(await client.conversations.retrieve(conversation.id), conversation);
  const response = await client.responses.create({ model: 'plain', input: 'Who am I?', conversation: conversation.id });
  assert.equal(response.conversation.id, conversation.id);
  const items = [];
  for await (const item of client.conversations.items.list(conversation.id, { order: 'asc', limit: 2 })) items.push(item);
  assert.deepEqual(items.map((item) => item.role), ['user', 'user', 'assistant']);
  assert.deepEqual(await client.conversations.items.retrieve(items[1].id, { conversation_id: conversation.id }), items[1]);
  await client.conversations.items.delete(items[1].id, { conversation_id: conversation.id });
  await assert.rejects(client.conversations.items.retrieve(items[1].id, { conversation_id: conversation.id }), OpenAI.NotFoundError);
  const added = await client.conversations.items.create(conversation.id, { items: [{ type: 'message', role: 'user', content: 'More.' }] });
  assert.equal(added.data.length, 1);
  assert.deepEqual((await client.conversations.update(conversation.id, { metadata: { topic: 'other' } })).metadata, { topic: 'other' });
  assert.equal((await client.conversations.delete(conversation.id)).deleted, true);
  await assert.rejects(client.conversations.retrieve(conversation.id), OpenAI.NotFoundError);
});

test('a provider that stores is asked again by its own id', async () => {
  await world.sims.next('keeper', { do: 'auto', text: 'First.' }, { do: 'auto', text: 'Second.' });
  const first = await client.responses.create({ model: 'keeper', input: 'Hello.' });
  assert.match(first.id, /^resp_w/);
  const second = await client.responses.stream({ model: 'keeper', input: 'And?', previous_response_id: first.id }).finalResponse();
  assert.equal(second.output_text, 'Second.');
  assert.match(second.id, /^resp_w/);
  const requests = await world.sims.journal('keeper');
  assert.equal(JSON.parse(requests.at(-1).body).previous_response_id, 'resp_sim-0001');
});
