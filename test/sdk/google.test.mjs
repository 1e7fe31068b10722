// SPDX-License-Identifier: Apache-2.0
// Google's SDK through weir.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ApiError, GoogleGenAI } from '@google/genai';
import { collect, models, rejection, scripts, startWorld } from './harness.mjs';

let world, client;
let used = 0;

before(async () => {
  world = await startWorld(
    { first: { speaks: ['gemini'], key: 'g-first' }, second: { speaks: ['gemini'], key: 'g-second' } },
    (urls) => ({
      keys: [{ name: 'app', key: 'weir-app-key-0123456789' }],
      providers: {
        first: { dialect: 'gemini', base_url: urls.first, auth: 'header:x-goog-api-key', keys: ['g-first'], models: { m: 'own-m', ...Object.fromEntries(models.map((m) => [m, m])) }, priority: 1, retries: 0 },
        second: { dialect: 'gemini', base_url: `${urls.second}/v1beta`, auth: 'header:x-goog-api-key', keys: ['g-second'], models: ['m', ...models], priority: 2 },
      },
    }),
  );
  client = new GoogleGenAI({ apiKey: 'weir-app-key-0123456789', httpOptions: { baseUrl: world.url } });
});
after(() => world.stop());

const request = { model: 'm', contents: 'Hello' };

test('generateContent', async () => {
  await world.sims.next('first', { do: 'auto', text: 'A whole answer.' });
  const answer = await client.models.generateContent(request);
  assert.equal(answer.text, 'A whole answer.');
  const seen = (await world.sims.journal('first')).at(-1);
  assert.match(seen.path, /\/v1beta\/models\/own-m:generateContent$/);
});

test('generateContentStream', async () => {
  await world.sims.next('first', { do: 'auto', text: 'One two three.' });
  const chunks = await collect(await client.models.generateContentStream(request));
  assert.equal(chunks.map((c) => c.text ?? '').join(''), 'One two three.');
});

for (const stream of [false, true]) {
  for (const fault of [{ do: 'fail', status: 503 }, { do: 'fail', status: 429 }, { do: 'reset' }]) {
    test(`failover from ${JSON.stringify(fault)}, ${stream ? 'streamed' : 'whole'}`, async () => {
      const model = models[used++];
      await world.sims.next('first', ...scripts(fault));
      await world.sims.next('second', { do: 'auto', text: 'From the second.' });
      const text = stream
        ? (await collect(await client.models.generateContentStream({ ...request, model }))).map((c) => c.text ?? '').join('')
        : (await client.models.generateContent({ ...request, model })).text;
      assert.equal(text, 'From the second.');
    });
  }
}

test('a stream cut after content raises', async () => {
  await world.sims.next('first', { do: 'cut', after: 2, text: 'One two three four.' });
  const error = await rejection((async () => collect(await client.models.generateContentStream(request)))());
  assert.ok(error instanceof Error);
});

test('countTokens', async () => {
  assert.ok((await client.models.countTokens(request)).totalTokens > 0);
});

test('embedContent as the SDK sends it: a batch, whose model is repeated in every request', async () => {
  const answer = await client.models.embedContent({ model: 'm', contents: ['x', 'y'] });
  assert.equal(answer.embeddings.length, 2);
  const seen = (await world.sims.journal('first')).at(-1);
  assert.deepEqual(JSON.parse(seen.body).requests.map((r) => r.model), ['models/own-m', 'models/own-m']);
});

test('embedContent as other clients send it', async () => {
  const answer = await fetch(`${world.url}/v1beta/models/m:embedContent`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-goog-api-key': 'weir-app-key-0123456789' },
    body: JSON.stringify({ content: { parts: [{ text: 'x' }] } }),
  });
  assert.ok((await answer.json()).embedding.values.length > 0);
});

test('errors raise the class they raise against the provider', async () => {
  const error = await rejection(client.models.generateContent({ ...request, model: 'no-such-model' }));
  assert.ok(error instanceof ApiError);
  assert.equal(error.status, 404);
});
