// SPDX-License-Identifier: Apache-2.0
// The OpenAI SDK, chat completions. Groq's SDK and Mistral's have the same shapes.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { assertStatus, json } from '../matrix.mjs';

export const CLASSES = { 400: 'BadRequestError', 401: 'AuthenticationError', 404: 'NotFoundError', 429: 'RateLimitError', 500: 'InternalServerError' };

export function messages({ system, turns }) {
  const list = system ? [{ role: 'system', content: system }] : [];
  for (const { user, image, answer, results } of turns) {
    if (answer) list.push(answer.native);
    for (const { id, text } of results ?? []) list.push({ role: 'tool', tool_call_id: id, content: text });
    if (user === undefined) continue;
    const url = `data:image/png;base64,${image}`;
    list.push({ role: 'user', content: image ? [{ type: 'text', text: user }, { type: 'image_url', image_url: { url } }] : user });
  }
  return list;
}

export function body(question) {
  const { model, tools, schema, reasoning, limit, n } = question;
  return {
    model,
    messages: messages(question),
    ...(tools && { tools: tools.map((tool) => ({ type: 'function', function: tool })) }),
    ...(schema && { response_format: { type: 'json_schema', json_schema: { name: 'weather', schema, strict: true } } }),
    ...(reasoning && { reasoning_effort: 'medium' }),
    ...(limit && { max_completion_tokens: limit }),
    ...(n && { n }),
  };
}

export function read({ choices, usage }, reasoning) {
  const [{ message, finish_reason }] = choices;
  return {
    text: message.content ?? '',
    reasoning: reasoning ?? message.reasoning_content ?? message.reasoning,
    calls: (message.tool_calls ?? []).map((call) => ({ id: call.id, name: call.function.name, input: json(call.function.arguments) })),
    finish: { stop: 'stop', length: 'length', tool_calls: 'tools', content_filter: 'filter' }[finish_reason],
    usage: usage && {
      input: usage.prompt_tokens,
      output: usage.completion_tokens,
      cached: usage.prompt_tokens_details?.cached_tokens,
      reasoning: usage.completion_tokens_details?.reasoning_tokens,
    },
    refusal: message.refusal,
    choices: choices.map((choice) => choice.message.content),
    native: message,
  };
}

export default {
  name: 'openai, chat',
  prefix: 'gpt-5.4',
  open: (url, key) => new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: 0 }),
  async ask(sdk, question, stream) {
    if (!stream) return read(await sdk.chat.completions.create(body(question)));
    const runner = sdk.chat.completions.stream({ ...body(question), stream_options: { include_usage: true } });
    let reasoning = '';
    runner.on('chunk', (chunk) => (reasoning += chunk.choices[0]?.delta?.reasoning_content ?? ''));
    return read(await runner.finalChatCompletion(), reasoning);
  },
  failed(error, status) {
    assert.equal(error.constructor.name, CLASSES[status], `${error}`);
    assert.ok(error instanceof OpenAI.APIError);
    assertStatus(error, status, error.status);
    if (status === 429) assert.equal(error.headers.get('retry-after'), '60');
  },
};
