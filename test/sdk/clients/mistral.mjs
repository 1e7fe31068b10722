// SPDX-License-Identifier: Apache-2.0
// Mistral's SDK: `serverURL` is the host, the SDK adds /v1/chat/completions.
import assert from 'node:assert/strict';
import { Mistral } from '@mistralai/mistralai';
import { MistralError } from '@mistralai/mistralai/models/errors';
import { assertStatus, json } from '../matrix.mjs';

const TOOLS = ['a tool call and its result', 'parallel tool calls and their results', 'a tool call after reasoning and its result'];
const VERBATIM = "Mistral's own members (prefix, image_url as a text) go as they came to a provider of the same dialect, and OpenAI has not got them";

function messages({ system, turns }) {
  const list = system ? [{ role: 'system', content: system }] : [];
  for (const { user, image, answer, results } of turns) {
    if (answer) list.push({ role: 'assistant', ...answer.native });
    for (const { id, name, text } of results ?? []) list.push({ role: 'tool', toolCallId: id, name, content: text });
    if (user === undefined) continue;
    const imageUrl = `data:image/png;base64,${image}`;
    list.push({ role: 'user', content: image ? [{ type: 'text', text: user }, { type: 'image_url', imageUrl }] : user });
  }
  return list;
}

function body(question) {
  const { model, tools, schema, reasoning, limit, n } = question;
  return {
    model,
    messages: messages(question),
    ...(tools && { tools: tools.map((tool) => ({ type: 'function', function: tool })) }),
    ...(schema && { responseFormat: { type: 'json_schema', jsonSchema: { name: 'weather', schemaDefinition: schema, strict: true } } }),
    ...(reasoning && { reasoningEffort: 'high' }),
    ...(limit && { maxTokens: limit }),
    ...(n && { n }),
  };
}

const inputOf = (args) => (typeof args === 'string' ? json(args) : args);

function read({ choices, usage }) {
  const [{ message, finishReason }] = choices;
  return {
    text: message.content ?? '',
    calls: (message.toolCalls ?? []).map((call) => ({ id: call.id, name: call.function.name, input: inputOf(call.function.arguments) })),
    finish: { stop: 'stop', length: 'length', tool_calls: 'tools', content_filter: 'filter' }[finishReason],
    usage: usage && { input: usage.promptTokens, output: usage.completionTokens, cached: usage.promptTokensDetails?.cachedTokens },
    choices: choices.map((choice) => choice.message.content),
    native: message,
  };
}

// The SDK gives chunks only.
async function gathered(stream) {
  const message = { content: '', toolCalls: [] };
  let finishReason, usage;
  for await (const { data } of stream) {
    usage = data.usage ?? usage;
    for (const choice of data.choices) {
      message.content += choice.delta.content ?? '';
      finishReason = choice.finishReason ?? finishReason;
      for (const call of choice.delta.toolCalls ?? []) {
        const known = message.toolCalls[call.index];
        if (known) known.function.arguments += call.function.arguments;
        else message.toolCalls[call.index] = call;
      }
    }
  }
  if (!finishReason) throw new Error('the stream ended without a finish reason');
  return { choices: [{ message, finishReason }], usage };
}

export default {
  name: '@mistralai/mistralai',
  prefix: 'mistral-medium-3-5',
  cannot: {
    refusal: "Mistral's messages have no text of a refusal",
    reasoning: "Mistral's messages hold reasoning as content chunks; the gateway's own field for it is not among the SDK's",
    'reasoning counted': "Mistral's usage does not count reasoning apart",
    'cached input': "the SDK's usage has no cached tokens",
    'usage, streamed': 'the SDK does not ask for usage, which Mistral sends unasked',
    ...Object.fromEntries(TOOLS.map((name) => [`${name}, streamed`, "the SDK's schema wants a name in every delta of a call: Mistral sends calls whole"])),
    ...Object.fromEntries(['system text and turns', ...TOOLS, 'an image'].map((name) => [`${name} at openai-chat`, VERBATIM])),
  },
  open: (url, key) => new Mistral({ apiKey: key, serverURL: url, retryConfig: { strategy: 'none' } }),
  ask: async (sdk, question, stream) => read(stream ? await gathered(await sdk.chat.stream(body(question))) : await sdk.chat.complete(body(question))),
  failed(error, status) {
    assert.ok(error instanceof MistralError, `${error}`);
    assertStatus(error, status, error.statusCode);
  },
};
