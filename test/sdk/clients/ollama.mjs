// SPDX-License-Identifier: Apache-2.0
// Ollama's SDK.
import assert from 'node:assert/strict';
import { Ollama } from 'ollama';
import { assertStatus } from '../matrix.mjs';

function messages({ system, turns }) {
  const list = system ? [{ role: 'system', content: system }] : [];
  for (const { user, image, answer, results } of turns) {
    if (answer) list.push(answer.native);
    for (const { name, text } of results ?? []) list.push({ role: 'tool', tool_name: name, content: text });
    if (user !== undefined) list.push({ role: 'user', content: user, ...(image && { images: [image] }) });
  }
  return list;
}

function body(question) {
  const { model, tools, schema, reasoning, limit } = question;
  return {
    model,
    messages: messages(question),
    ...(tools && { tools: tools.map((tool) => ({ type: 'function', function: tool })) }),
    ...(schema && { format: schema }),
    ...(reasoning && { think: true }),
    ...(limit && { options: { num_predict: limit } }),
  };
}

function read({ message, done_reason, prompt_eval_count, eval_count }) {
  return {
    text: message.content,
    reasoning: message.thinking,
    calls: (message.tool_calls ?? []).map((call) => ({ id: call.id, name: call.function.name, input: call.function.arguments })),
    finish: message.tool_calls?.length && done_reason === 'stop' ? 'tools' : done_reason,
    usage: { input: prompt_eval_count, output: eval_count },
    native: message,
  };
}

async function gathered(stream) {
  const message = { role: 'assistant', content: '' };
  let last;
  for await (const part of stream) {
    message.content += part.message.content;
    if (part.message.thinking) message.thinking = (message.thinking ?? '') + part.message.thinking;
    if (part.message.tool_calls) message.tool_calls = [...(message.tool_calls ?? []), ...part.message.tool_calls];
    last = part;
  }
  return { ...last, message };
}

export default {
  name: 'ollama',
  prefix: 'qwen3:8b',
  idless: true,
  cannot: {
    refusal: '/api/chat has no text of a refusal',
    'two choices': '/api/chat has no n',
    'filtered content': '/api/chat has no word for a filtered answer',
    'reasoning counted': '/api/chat does not count reasoning apart',
    'cached input': '/api/chat does not count cached tokens',
  },
  open: (url, key) => new Ollama({ host: url, headers: { Authorization: `Bearer ${key}` } }),
  ask: async (sdk, question, stream) => read(stream ? await gathered(await sdk.chat({ ...body(question), stream: true })) : await sdk.chat(body(question))),
  failed(error, status) {
    assert.equal(error.name, 'ResponseError', `${error}`);
    assertStatus(error, status, error.status_code);
  },
};
