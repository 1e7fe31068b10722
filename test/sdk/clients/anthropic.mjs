// SPDX-License-Identifier: Apache-2.0
// Anthropic's SDK.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import { assertStatus } from '../matrix.mjs';
import { CLASSES } from './openai_chat.mjs';

function messages({ turns }) {
  const list = [];
  for (const { user, image, answer, results } of turns) {
    if (answer) list.push({ role: 'assistant', content: answer.native });
    if (results) list.push({ role: 'user', content: results.map(({ id, text }) => ({ type: 'tool_result', tool_use_id: id, content: text })) });
    if (user === undefined) continue;
    const source = { type: 'base64', media_type: 'image/png', data: image };
    list.push({ role: 'user', content: image ? [{ type: 'image', source }, { type: 'text', text: user }] : user });
  }
  return list;
}

function body(question) {
  const { model, system, tools, schema, reasoning, limit } = question;
  return {
    model,
    messages: messages(question),
    max_tokens: limit ?? 4000,
    ...(system && { system }),
    ...(tools && { tools: tools.map(({ name, description, parameters }) => ({ name, description, input_schema: parameters })) }),
    ...(schema && { output_config: { format: { type: 'json_schema', schema } } }),
    ...(reasoning && { thinking: { type: 'enabled', budget_tokens: 2000 } }),
  };
}

function read({ content, stop_reason, usage }) {
  const texts = (type, member) => content.filter((block) => block.type === type).map((block) => block[member]).join('');
  const cached = usage.cache_read_input_tokens ?? 0;
  return {
    text: texts('text', 'text'),
    reasoning: texts('thinking', 'thinking'),
    calls: content.filter((block) => block.type === 'tool_use').map(({ id, name, input }) => ({ id, name, input })),
    finish: { end_turn: 'stop', max_tokens: 'length', tool_use: 'tools', refusal: 'filter' }[stop_reason],
    usage: {
      input: usage.input_tokens + cached + (usage.cache_creation_input_tokens ?? 0),
      output: usage.output_tokens,
      cached,
      reasoning: usage.output_tokens_details?.thinking_tokens,
    },
    native: content,
  };
}

export default {
  name: '@anthropic-ai/sdk',
  prefix: 'claude-sonnet-4-6',
  cannot: { 'two choices': 'Messages has no n', refusal: 'Messages has no text of a refusal' },
  open: (url, key) => new Anthropic({ apiKey: key, baseURL: url, maxRetries: 0 }),
  ask: async (sdk, question, stream) =>
    read(stream ? await sdk.messages.stream(body(question)).finalMessage() : await sdk.messages.create(body(question))),
  failed(error, status) {
    assert.equal(error.constructor.name, CLASSES[status], `${error}`);
    assert.ok(error instanceof Anthropic.APIError);
    assertStatus(error, status, error.status);
    if (status === 429) assert.equal(error.headers.get('retry-after'), '60');
  },
};
