// SPDX-License-Identifier: Apache-2.0
// The OpenAI SDK, responses: the history is the output of the answers, item by item.
import OpenAI from 'openai';
import { json } from '../matrix.mjs';
import chat from './openai_chat.mjs';

function input({ turns }) {
  const list = [];
  for (const { user, image, answer, results } of turns) {
    if (answer) list.push(...answer.native);
    for (const { id, text } of results ?? []) list.push({ type: 'function_call_output', call_id: id, output: text });
    if (user === undefined) continue;
    const url = `data:image/png;base64,${image}`;
    const content = image ? [{ type: 'input_text', text: user }, { type: 'input_image', image_url: url, detail: 'auto' }] : user;
    list.push({ role: 'user', content });
  }
  return list;
}

function body(question) {
  const { model, system, tools, schema, reasoning, limit } = question;
  return {
    model,
    input: input(question),
    store: false,
    ...(system && { instructions: system }),
    ...(tools && { tools: tools.map((tool) => ({ type: 'function', strict: true, ...tool })) }),
    ...(schema && { text: { format: { type: 'json_schema', name: 'weather', schema, strict: true } } }),
    ...(reasoning && { reasoning: { effort: 'medium', summary: 'auto' }, include: ['reasoning.encrypted_content'] }),
    ...(limit && { max_output_tokens: limit }),
  };
}

function read({ output, output_text, status, incomplete_details, usage }) {
  const calls = output.filter((item) => item.type === 'function_call');
  const parts = output.filter((item) => item.type === 'message').flatMap((item) => item.content);
  const incomplete = { max_output_tokens: 'length', content_filter: 'filter' }[incomplete_details?.reason];
  return {
    text: output_text ?? '',
    reasoning: output.filter((item) => item.type === 'reasoning').flatMap((item) => item.summary.map((part) => part.text)).join(''),
    calls: calls.map((call) => ({ id: call.call_id, name: call.name, input: json(call.arguments) })),
    finish: status === 'completed' ? (calls.length ? 'tools' : 'stop') : incomplete,
    usage: usage && {
      input: usage.input_tokens,
      output: usage.output_tokens,
      cached: usage.input_tokens_details.cached_tokens,
      reasoning: usage.output_tokens_details.reasoning_tokens,
    },
    refusal: parts.find((part) => part.type === 'refusal')?.refusal,
    native: output,
  };
}

export default {
  name: 'openai, responses',
  prefix: 'gpt-5.4',
  cannot: { 'two choices': 'Responses has no n' },
  open: chat.open,
  ask: async (sdk, question, stream) =>
    read(stream ? await sdk.responses.stream(body(question)).finalResponse() : await sdk.responses.create(body(question))),
  failed: chat.failed,
};
