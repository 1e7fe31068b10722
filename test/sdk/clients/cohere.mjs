// SPDX-License-Identifier: Apache-2.0
// Cohere's SDK, v2 chat.
import assert from 'node:assert/strict';
import { CohereClientV2, CohereError } from 'cohere-ai';
import { assertStatus, json } from '../matrix.mjs';

const CLASSES = { 400: 'BadRequestError', 401: 'UnauthorizedError', 404: 'NotFoundError', 429: 'TooManyRequestsError' };

function messages({ system, turns }) {
  const list = system ? [{ role: 'system', content: system }] : [];
  for (const { user, image, answer, results } of turns) {
    if (answer) list.push(answer.native);
    for (const { id, text } of results ?? []) list.push({ role: 'tool', toolCallId: id, content: text });
    if (user === undefined) continue;
    const url = `data:image/png;base64,${image}`;
    list.push({ role: 'user', content: image ? [{ type: 'text', text: user }, { type: 'image_url', imageUrl: { url } }] : user });
  }
  return list;
}

function body(question) {
  const { model, tools, schema, reasoning, limit } = question;
  return {
    model,
    messages: messages(question),
    ...(tools && { tools: tools.map((tool) => ({ type: 'function', function: tool })) }),
    ...(schema && { responseFormat: { type: 'json_object', jsonSchema: schema } }),
    ...(reasoning && { thinking: { type: 'enabled' } }),
    ...(limit && { maxTokens: limit }),
  };
}

function read({ message, finishReason, usage }) {
  const texts = (type, member) => (message.content ?? []).filter((part) => part.type === type).map((part) => part[member]).join('');
  return {
    text: texts('text', 'text'),
    reasoning: texts('thinking', 'thinking'),
    calls: (message.toolCalls ?? []).map((call) => ({ id: call.id, name: call.function.name, input: json(call.function.arguments) })),
    finish: { COMPLETE: 'stop', MAX_TOKENS: 'length', TOOL_CALL: 'tools', ERROR: 'filter' }[finishReason],
    usage: { input: usage.tokens.inputTokens, output: usage.tokens.outputTokens, cached: usage.cachedTokens },
    native: { role: 'assistant', ...(message.content?.length && { content: message.content }), ...(message.toolCalls?.length && { toolCalls: message.toolCalls }), ...(message.toolPlan && { toolPlan: message.toolPlan }) },
  };
}

// The SDK gives events only.
async function gathered(stream) {
  const message = { role: 'assistant', content: [], toolCalls: [], toolPlan: '' };
  let last;
  for await (const event of stream) {
    const said = event.delta?.message;
    if (event.type === 'content-start') message.content[event.index] = { ...said.content };
    else if (event.type === 'content-delta')
      for (const [member, text] of Object.entries(said.content)) message.content[event.index][member] = (message.content[event.index][member] ?? '') + text;
    else if (event.type === 'tool-plan-delta') message.toolPlan += said.toolPlan;
    else if (event.type === 'tool-call-start') message.toolCalls[event.index] = { ...said.toolCalls, function: { ...said.toolCalls.function } };
    else if (event.type === 'tool-call-delta') message.toolCalls[event.index].function.arguments += said.toolCalls.function.arguments;
    else if (event.type === 'message-end') last = event.delta;
  }
  if (!last) throw new Error('the stream ended without its message-end');
  if (last.error) throw new Error(last.error);
  return { message: { ...message, content: message.content.filter(Boolean) }, finishReason: last.finishReason, usage: last.usage };
}

export default {
  name: 'cohere-ai',
  prefix: 'command-a-reasoning-08-2025',
  cannot: {
    refusal: 'v2 chat has no text of a refusal',
    'two choices': 'v2 chat has no n',
    'filtered content, streamed': 'a filtered stream ends as a failed one does: finish_reason ERROR and the words',
    'reasoning counted': 'v2 chat does not count reasoning apart',
  },
  open: (url, key) => new CohereClientV2({ token: key, environment: url, maxRetries: 0 }),
  async ask(sdk, question, stream) {
    const options = { maxRetries: 0 };
    return read(stream ? await gathered(await sdk.chatStream(body(question), options)) : await sdk.chat(body(question), options));
  },
  failed(error, status) {
    if (CLASSES[status]) assert.equal(error.constructor.name, CLASSES[status], `${error}`);
    assert.ok(error instanceof CohereError, `${error}`);
    assertStatus(error, status, error.statusCode);
  },
  message: (error) => JSON.stringify(error.body),
};
