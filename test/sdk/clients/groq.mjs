// SPDX-License-Identifier: Apache-2.0
// Groq's SDK. Its paths begin with /openai/v1.
import assert from 'node:assert/strict';
import Groq from 'groq-sdk';
import { assertStatus } from '../matrix.mjs';
import { body, CLASSES, read } from './openai_chat.mjs';

// The SDK gives chunks only.
async function gathered(stream) {
  const message = { role: 'assistant', content: '', tool_calls: [] };
  let finish_reason, usage, reasoning = '';
  for await (const chunk of stream) {
    usage = chunk.usage ?? chunk.x_groq?.usage ?? usage;
    for (const { delta, finish_reason: reason } of chunk.choices) {
      finish_reason = reason ?? finish_reason;
      message.content += delta.content ?? '';
      if (delta.refusal) message.refusal = (message.refusal ?? '') + delta.refusal;
      reasoning += delta.reasoning ?? delta.reasoning_content ?? '';
      for (const call of delta.tool_calls ?? []) {
        if (message.tool_calls[call.index]) message.tool_calls[call.index].function.arguments += call.function.arguments;
        else message.tool_calls[call.index] = { id: call.id, type: call.type, function: { ...call.function } };
      }
    }
  }
  if (!message.tool_calls.length) delete message.tool_calls;
  return [{ choices: [{ message, finish_reason }], usage }, reasoning];
}

export default {
  name: 'groq-sdk',
  prefix: 'openai/gpt-oss-120b',
  open: (url, key) => new Groq({ apiKey: key, baseURL: url, maxRetries: 0 }),
  async ask(sdk, question, stream) {
    if (!stream) return read(await sdk.chat.completions.create(body(question)));
    return read(...(await gathered(await sdk.chat.completions.create({ ...body(question), stream: true, stream_options: { include_usage: true } }))));
  },
  failed(error, status) {
    assert.equal(error.constructor.name, CLASSES[status], `${error}`);
    assert.ok(error instanceof Groq.APIError);
    assertStatus(error, status, error.status);
    if (status === 429) assert.equal(error.headers.get('retry-after'), '60');
  },
};
