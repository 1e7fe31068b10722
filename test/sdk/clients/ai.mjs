// SPDX-License-Identifier: Apache-2.0
// The AI SDK (`ai`) with one provider package each: the package says what goes over the wire, generateText and streamText are the same for all.
import assert from 'node:assert/strict';
import { createAmazonBedrock } from '@ai-sdk/amazon-bedrock';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createCohere } from '@ai-sdk/cohere';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createGroq } from '@ai-sdk/groq';
import { createMistral } from '@ai-sdk/mistral';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, generateText, jsonSchema, Output, streamText, tool } from 'ai';
import { assertStatus } from '../matrix.mjs';

function messages({ turns }) {
  const list = [];
  for (const { user, image, answer, results } of turns) {
    if (answer) list.push(...answer.native);
    if (results)
      list.push({ role: 'tool', content: results.map(({ id, name, text }) => ({ type: 'tool-result', toolCallId: id, toolName: name, output: { type: 'text', value: text } })) });
    if (user === undefined) continue;
    list.push({ role: 'user', content: image ? [{ type: 'text', text: user }, { type: 'file', mediaType: 'image/png', data: image }] : user });
  }
  return list;
}

const UNASKED = 'this package does not ask for usage, which its own provider sends unasked';

const toolOf = ({ name, description, parameters }) => [name, tool({ description, inputSchema: jsonSchema(parameters) })];

async function ask({ model, thinking }, question, stream) {
  const { system, tools, schema, reasoning, limit } = question;
  const options = {
    model: model(question.model),
    messages: messages(question),
    maxRetries: 0,
    ...(system && { system }),
    ...(tools && { tools: Object.fromEntries(tools.map(toolOf)) }),
    ...(schema && { output: Output.object({ schema: jsonSchema(schema) }) }),
    ...(limit && { maxOutputTokens: limit }),
    ...(reasoning && thinking && { providerOptions: thinking }),
  };
  let failure;
  const result = stream ? streamText({ ...options, onError: ({ error }) => (failure ??= error) }) : await generateText(options);
  if (stream) {
    await result.consumeStream();
    // What a stream says in band comes as it was said, in no class.
    if (failure) throw failure instanceof Error ? failure : new Error(JSON.stringify(failure));
  }
  const [text, reasoningText, calls, finish, usage, response] = await Promise.all([
    result.text, result.reasoningText, result.toolCalls, result.finishReason, result.usage, result.response,
  ]);
  if (finish === 'error') throw new Error('the answer ended in an error');
  return {
    text,
    reasoning: reasoningText,
    calls: calls.map((call) => ({ id: call.toolCallId, name: call.toolName, input: call.input })),
    finish: { 'tool-calls': 'tools', 'content-filter': 'filter' }[finish] ?? finish,
    usage: { input: usage.inputTokens, output: usage.outputTokens, cached: usage.inputTokenDetails?.cacheReadTokens, reasoning: usage.outputTokenDetails?.reasoningTokens },
    native: response.messages,
  };
}

function client(name, prefix, open, { thinking, cannot } = {}) {
  return {
    name: `ai with ${name}`,
    prefix,
    cannot: { 'two choices': 'the AI SDK asks for one', refusal: 'the AI SDK has no text of a refusal', ...cannot },
    open: (url, key) => ({ model: open(url, key), thinking }),
    ask,
    failed(error, status) {
      assert.ok(APICallError.isInstance(error), `${error}`);
      assertStatus(error, status, error.statusCode);
      if (status === 429) assert.equal(error.responseHeaders['retry-after'], '60');
    },
    message: (error) => error.responseBody,
  };
}

export const openai = client('@ai-sdk/openai', 'gpt-5.4', (url, apiKey) => createOpenAI({ baseURL: `${url}/v1`, apiKey }), {
  thinking: { openai: { reasoningEffort: 'medium', reasoningSummary: 'auto', store: false } },
});
export const openaiChat = client('@ai-sdk/openai, chat', 'gpt-5.4', (url, apiKey) => createOpenAI({ baseURL: `${url}/v1`, apiKey }).chat, {
  thinking: { openai: { reasoningEffort: 'medium' } },
  cannot: { reasoning: "this package reads no reasoning from OpenAI's chat completions" },
});
export const anthropic = client('@ai-sdk/anthropic', 'claude-sonnet-4-6', (url, apiKey) => createAnthropic({ baseURL: `${url}/v1`, apiKey }), {
  thinking: { anthropic: { thinking: { type: 'enabled', budgetTokens: 2000 } } },
});
export const google = client('@ai-sdk/google', 'gemini-3-flash-preview', (url, apiKey) => createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey }), {
  thinking: { google: { thinkingConfig: { includeThoughts: true } } },
});
export const bedrock = client(
  '@ai-sdk/amazon-bedrock', 'us.anthropic.claude-sonnet-4-6-v1:0',
  (url, apiKey) => createAmazonBedrock({ region: 'us-east-1', baseURL: url, apiKey }),
  {
    thinking: { bedrock: { reasoningConfig: { type: 'enabled', budgetTokens: 2000 } } },
    cannot: {
      'reasoning counted': 'Converse does not count reasoning apart',
      'structured output at ollama': 'this package asks by a forced tool, and Ollama cannot force one',
    },
  },
);
export const cohere = client('@ai-sdk/cohere', 'command-a-reasoning-08-2025', (url, apiKey) => createCohere({ baseURL: `${url}/v2`, apiKey }), {
  thinking: { cohere: { thinking: { type: 'enabled' } } },
  cannot: {
    'reasoning counted': 'v2 chat does not count reasoning apart',
    'cached input': 'this package does not read cached_tokens',
    'filtered content': 'finish_reason ERROR is an error to this package, whatever its cause',
  },
});
export const mistral = client('@ai-sdk/mistral', 'mistral-medium-3-5', (url, apiKey) => createMistral({ baseURL: `${url}/v1`, apiKey }), {
  cannot: {
    reasoning: 'this package reads reasoning from content chunks only',
    'reasoning counted': 'this package does not read the count of reasoning tokens',
    'filtered content': 'Mistral has no content_filter: it is `other` to this package',
    'usage, streamed': UNASKED,
    'cached input, streamed': UNASKED,
    'an image at openai-chat': "Mistral's image_url is a text; the same dialect goes as it came, and OpenAI wants an object",
  },
});
export const groq = client('@ai-sdk/groq', 'openai/gpt-oss-120b', (url, apiKey) => createGroq({ baseURL: `${url}/v1`, apiKey }), {
  thinking: { groq: { reasoningEffort: 'medium' } },
  cannot: {
    reasoning: "this package reads Groq's `reasoning` only",
    'usage, streamed': UNASKED,
    'cached input, streamed': UNASKED,
    'reasoning counted, streamed': UNASKED,
  },
});
export const compatible = client('@ai-sdk/openai-compatible', 'some-model', (url, apiKey) =>
  createOpenAICompatible({ name: 'weir', baseURL: `${url}/v1`, apiKey, includeUsage: true, supportsStructuredOutputs: true }), {
  thinking: { weir: { reasoningEffort: 'medium' } },
});
