// SPDX-License-Identifier: Apache-2.0
// AWS's SDK for the Bedrock runtime: Converse and ConverseStream, with a bearer key as Bedrock has them.
import assert from 'node:assert/strict';
import { BedrockRuntimeClient, BedrockRuntimeServiceException, ConverseCommand, ConverseStreamCommand } from '@aws-sdk/client-bedrock-runtime';
import { assertStatus, json } from '../matrix.mjs';

const CLASSES = {
  400: 'ValidationException', 401: 'UnrecognizedClientException', 404: 'ResourceNotFoundException', 429: 'ThrottlingException',
};

function messages({ turns }) {
  const list = [];
  for (const { user, image, answer, results } of turns) {
    if (answer) list.push(answer.native);
    if (results) list.push({ role: 'user', content: results.map(({ id, text }) => ({ toolResult: { toolUseId: id, content: [{ text }] } })) });
    if (user === undefined) continue;
    const picture = image ? [{ image: { format: 'png', source: { bytes: Buffer.from(image, 'base64') } } }] : [];
    list.push({ role: 'user', content: [...picture, { text: user }] });
  }
  return list;
}

function input(question) {
  const { model, system, tools, schema, reasoning, limit } = question;
  const structure = { jsonSchema: { name: 'weather', schema: JSON.stringify(schema) } };
  return {
    modelId: model,
    messages: messages(question),
    inferenceConfig: { maxTokens: limit ?? 4000 },
    ...(system && { system: [{ text: system }] }),
    ...(tools && { toolConfig: { tools: tools.map(({ name, description, parameters }) => ({ toolSpec: { name, description, inputSchema: { json: parameters } } })) } }),
    ...(schema && { outputConfig: { textFormat: { type: 'json_schema', structure } } }),
    ...(reasoning && { additionalModelRequestFields: { thinking: { type: 'enabled', budget_tokens: 2000 } } }),
  };
}

function read({ message, stopReason, usage }) {
  const { content } = message;
  const cached = usage.cacheReadInputTokens ?? 0;
  return {
    text: content.map((block) => block.text ?? '').join(''),
    reasoning: content.map((block) => block.reasoningContent?.reasoningText?.text ?? '').join(''),
    calls: content.filter((block) => block.toolUse).map(({ toolUse }) => ({ id: toolUse.toolUseId, name: toolUse.name, input: toolUse.input })),
    finish: { end_turn: 'stop', max_tokens: 'length', tool_use: 'tools', content_filtered: 'filter' }[stopReason],
    usage: { input: usage.inputTokens + cached + (usage.cacheWriteInputTokens ?? 0), output: usage.outputTokens, cached },
    native: message,
  };
}

// The SDK gives events only.
async function gathered(stream) {
  const blocks = [];
  let stopReason, usage;
  for await (const event of stream) {
    if (event.contentBlockStart) blocks[event.contentBlockStart.contentBlockIndex] = { toolUse: { ...event.contentBlockStart.start.toolUse, input: '' } };
    if (event.contentBlockDelta) {
      const { contentBlockIndex: index, delta } = event.contentBlockDelta;
      const block = (blocks[index] ??= {});
      if (delta.text !== undefined) block.text = (block.text ?? '') + delta.text;
      if (delta.toolUse) block.toolUse.input += delta.toolUse.input;
      if (delta.reasoningContent) {
        const { text, signature } = delta.reasoningContent;
        const thought = (block.reasoningContent ??= { reasoningText: { text: '' } }).reasoningText;
        if (text) thought.text += text;
        if (signature) thought.signature = (thought.signature ?? '') + signature;
      }
    }
    if (event.messageStop) stopReason = event.messageStop.stopReason;
    if (event.metadata) usage = event.metadata.usage;
  }
  for (const block of blocks) if (block.toolUse) block.toolUse.input = json(block.toolUse.input);
  return { message: { role: 'assistant', content: blocks.filter(Boolean) }, stopReason, usage };
}

export default {
  name: '@aws-sdk/client-bedrock-runtime',
  prefix: 'us.anthropic.claude-sonnet-4-6-v1:0',
  cannot: {
    refusal: 'Converse has no text of a refusal',
    'two choices': 'Converse has no n',
    'reasoning counted': 'Converse does not count reasoning apart',
  },
  open: (url, key) =>
    new BedrockRuntimeClient({ region: 'us-east-1', endpoint: url, token: { token: key }, authSchemePreference: ['httpBearerAuth'], maxAttempts: 1 }),
  async ask(sdk, question, stream) {
    if (stream) return read(await gathered((await sdk.send(new ConverseStreamCommand(input(question)))).stream));
    const { output, ...rest } = await sdk.send(new ConverseCommand(input(question)));
    return read({ message: output.message, ...rest });
  },
  failed(error, status) {
    assert.ok(error instanceof BedrockRuntimeServiceException, `${error}`);
    if (CLASSES[status]) assert.equal(error.name, CLASSES[status], `${error}`);
    assertStatus(error, status, error.$metadata.httpStatusCode);
  },
};
