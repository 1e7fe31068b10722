// SPDX-License-Identifier: Apache-2.0
// Google's SDK.
import assert from 'node:assert/strict';
import { ApiError, GoogleGenAI } from '@google/genai';
import { assertStatus } from '../matrix.mjs';
import { collect } from '../harness.mjs';

function contents({ turns }) {
  const list = [];
  for (const { user, image, answer, results } of turns) {
    if (answer) list.push(answer.native);
    if (results)
      list.push({ role: 'user', parts: results.map(({ id, name, text }) => ({ functionResponse: { ...(id && { id }), name, response: { output: text } } })) });
    if (user === undefined) continue;
    list.push({ role: 'user', parts: [{ text: user }, ...(image ? [{ inlineData: { mimeType: 'image/png', data: image } }] : [])] });
  }
  return list;
}

function body(question) {
  const { model, system, tools, schema, reasoning, limit, n } = question;
  return {
    model,
    contents: contents(question),
    config: {
      ...(system && { systemInstruction: system }),
      ...(tools && { tools: [{ functionDeclarations: tools.map(({ parameters, ...tool }) => ({ ...tool, parametersJsonSchema: parameters })) }] }),
      ...(schema && { responseMimeType: 'application/json', responseJsonSchema: schema }),
      ...(reasoning && { thinkingConfig: { includeThoughts: true } }),
      ...(limit && { maxOutputTokens: limit }),
      ...(n && { candidateCount: n }),
    },
  };
}

const textOf = (parts, thought) => parts.filter((part) => part.text !== undefined && Boolean(part.thought) === thought).map((part) => part.text).join('');

// A stream's chunks are put together as the SDK's chat does it: the parts one after another.
function read(chunks) {
  const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []);
  const finish = chunks.map((chunk) => chunk.candidates?.[0]?.finishReason).filter(Boolean).at(-1);
  const usage = chunks.map((chunk) => chunk.usageMetadata).filter(Boolean).at(-1);
  const calls = parts.filter((part) => part.functionCall).map(({ functionCall: { id, name, args } }) => ({ id, name, input: args }));
  return {
    text: textOf(parts, false),
    reasoning: textOf(parts, true),
    calls,
    finish: calls.length && finish === 'STOP' ? 'tools' : { STOP: 'stop', MAX_TOKENS: 'length', SAFETY: 'filter', PROHIBITED_CONTENT: 'filter' }[finish],
    usage: usage && {
      input: usage.promptTokenCount,
      output: (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0),
      cached: usage.cachedContentTokenCount,
      reasoning: usage.thoughtsTokenCount,
    },
    choices: chunks[0].candidates?.map((candidate) => candidate.content.parts.map((part) => part.text).join('')),
    native: { role: 'model', parts },
  };
}

export default {
  name: '@google/genai',
  prefix: 'gemini-3-flash-preview',
  idless: true,
  cannot: { refusal: 'generateContent has no text of a refusal' },
  open: (url, key) => new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } }),
  ask: async (sdk, question, stream) =>
    read(stream ? await collect(await sdk.models.generateContentStream(body(question))) : [await sdk.models.generateContent(body(question))]),
  failed(error, status) {
    assert.ok(error instanceof ApiError, `${error}`);
    assertStatus(error, status, error.status);
  },
};
