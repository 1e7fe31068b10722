// SPDX-License-Identifier: Apache-2.0
// Every official SDK against a provider of every dialect: one test per (SDK, provider's dialect, case), whole and streamed. A client
// (clients/*.mjs) turns the neutral question below into its SDK's call and the SDK's answer into the neutral answer; what it cannot
// say is named in its `cannot`, what a provider cannot say in `PROVIDERS`, and both are skipped with that reason.
//
//   question: { model, system, turns: [{ user, image } | { answer, results: [{ id, name, text }] }], tools, schema, reasoning, limit, n }
//   answer:   { text, reasoning, calls: [{ id, name, input }], finish: stop|length|tools|filter, usage: { input, output, cached, reasoning },
//               refusal, choices: [text], native: what the SDK's user puts into the history }
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { rejection, startWorld } from './harness.mjs';

export const KEY = 'weir-app-key-0123456789';
const TRIES = 20; // models of their own for the tests in which a provider fails: breakers are kept per model

// `own` is an id whose rules let it think, take images and hold to a schema.
const PROVIDERS = {
  'openai-chat': { base: '/v1', own: 'gpt-5.4', says: ['reasoning', 'filter', 'refusal', 'choices', 'thinking count', 'cached'] },
  'openai-responses': { base: '/v1', own: 'gpt-5.4', says: ['reasoning', 'filter', 'refusal', 'thinking count', 'cached'] },
  anthropic: { base: '', own: 'claude-sonnet-4-6', says: ['reasoning', 'filter', 'thinking count', 'cached'] },
  gemini: { base: '/v1beta', own: 'gemini-3-flash-preview', says: ['reasoning', 'filter', 'choices', 'thinking count', 'cached'] },
  bedrock: { base: '', own: 'anthropic.claude-sonnet-4-6', says: ['reasoning', 'filter', 'cached'] },
  cohere: { base: '', own: 'command-a-reasoning-08-2025', says: ['reasoning', 'cached'] },
  ollama: { base: '', own: 'qwen3:8b', says: ['reasoning'] },
};
const WITHOUT = {
  filter: 'the provider has no word for a filtered answer',
  refusal: 'the provider has no text of a refusal',
  choices: 'the provider gives one choice only',
  'thinking count': 'the provider does not count reasoning apart',
  cached: 'the provider does not count cached tokens',
};

export const TOOL = {
  name: 'get_weather',
  description: 'The weather in a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
};
export const SCHEMA = {
  type: 'object',
  properties: { city: { type: 'string' }, degrees: { type: 'integer' } },
  required: ['city', 'degrees'],
  additionalProperties: false,
};
export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const oslo = ['call_oslo', 'get_weather', { city: 'Oslo' }];
const bergen = ['call_bergen', 'get_weather', { city: 'Bergen' }];
const hello = [{ user: 'Say hello.' }];

// `needs`: what the provider must be able to say; `run(t)` gets { ask, next, sent, model, client, stream }.
const CASES = {
  text: {
    run: async ({ ask, next }) => {
      await next({ text: 'Hello, you there.' });
      const answer = await ask({ turns: hello });
      assert.equal(answer.text, 'Hello, you there.');
      assert.equal(answer.finish, 'stop');
      assert.deepEqual(answer.calls, []);
    },
  },
  'system text and turns': {
    run: async ({ ask, next, sent }) => {
      await next({ text: 'First-answer.' }, { text: 'Second answer.' });
      const turns = [{ user: 'First question.' }];
      const first = await ask({ system: 'Be brief.', turns });
      const second = await ask({ system: 'Be brief.', turns: [...turns, { answer: first }, { user: 'Second question.' }] });
      assert.equal(second.text, 'Second answer.');
      const body = await sent();
      const places = ['Be brief.', 'First question.', 'First-answer.', 'Second question.'].map((text) => body.indexOf(text));
      assert.ok(places.every((place) => place >= 0), `${places}: ${body}`);
      assert.ok(places[1] < places[2] && places[2] < places[3], `${places}: ${body}`);
    },
  },
  'a tool call and its result': { run: (t) => toolLoop(t, [oslo]) },
  'parallel tool calls and their results': { run: (t) => toolLoop(t, [oslo, bergen]) },
  'a tool call after reasoning and its result': { needs: 'reasoning', run: (t) => toolLoop(t, [oslo], 'I should look it up.') },
  'an image': {
    once: true,
    run: async ({ ask, next, sent }) => {
      await next({ text: 'A pixel.' });
      const answer = await ask({ turns: [{ user: 'What is this?', image: PIXEL }] });
      assert.equal(answer.text, 'A pixel.');
      assert.ok((await sent()).includes(PIXEL), 'the image has not arrived');
    },
  },
  'structured output': {
    run: async ({ ask, next, sent }) => {
      await next({ text: '{"city":"Oslo","degrees":4}' });
      const answer = await ask({ turns: [{ user: 'The weather as JSON.' }], schema: SCHEMA });
      assert.deepEqual(JSON.parse(answer.text), { city: 'Oslo', degrees: 4 });
      assert.match(await sent(), /degrees/);
    },
  },
  reasoning: {
    needs: 'reasoning',
    run: async ({ ask, next }) => {
      await next({ text: 'It is four.', reasoning: 'Two and two make four.' });
      const answer = await ask({ turns: [{ user: 'Two and two?' }], reasoning: true });
      assert.equal(answer.reasoning, 'Two and two make four.');
      assert.equal(answer.text, 'It is four.');
    },
  },
  usage: {
    run: async ({ ask, next }) => {
      await next({ text: 'Counted.', usage: { input: 1200, output: 345 } });
      const { usage } = await ask({ turns: hello });
      assert.equal(usage.input, 1200);
      assert.equal(usage.output, 345);
    },
  },
  'cached input': {
    needs: 'cached',
    run: async ({ ask, next }) => {
      await next({ text: 'Counted.', usage: { input: 1200, output: 345, cached: 1000 } });
      const { usage } = await ask({ turns: hello });
      assert.deepEqual([usage.input, usage.cached, usage.output], [1200, 1000, 345]);
    },
  },
  'reasoning counted': {
    needs: 'thinking count',
    run: async ({ ask, next }) => {
      await next({ text: 'Counted.', reasoning: 'One by one.', usage: { input: 12, output: 345, reasoning: 300 } });
      const { usage } = await ask({ turns: hello, reasoning: true });
      assert.deepEqual([usage.input, usage.output, usage.reasoning], [12, 345, 300]);
    },
  },
  'stopped by length': {
    run: async ({ ask, next, sent }) => {
      await next({ text: 'It goes on and', finish: 'length' });
      const answer = await ask({ turns: hello, limit: 1234 });
      assert.equal(answer.text, 'It goes on and');
      assert.equal(answer.finish, 'length');
      assert.match(await sent(), /1234/);
    },
  },
  'filtered content': {
    needs: 'filter',
    run: async ({ ask, next }) => {
      await next({ text: 'It begins', finish: 'content_filter' });
      assert.equal((await ask({ turns: hello })).finish, 'filter');
    },
  },
  refusal: {
    needs: 'refusal',
    run: async ({ ask, next }) => {
      await next({ text: '', refusal: 'I cannot help with that.' });
      assert.equal((await ask({ turns: hello })).refusal, 'I cannot help with that.');
    },
  },
  'two choices': {
    needs: 'choices',
    once: true,
    run: async ({ ask, next }) => {
      await next({ text: 'One of two' });
      assert.deepEqual((await ask({ turns: hello, n: 2 })).choices, ['One of two', 'One of two (1)']);
    },
  },
  'a wrong key': { run: (t) => failing(t, 401, null, { key: 'weir-app-key-of-nobody' }) },
  'a model that nobody has': { run: (t) => failing(t, 404, null, { model: 'no-such-model' }) },
  'a request that the provider refuses': { run: (t) => failing(t, 400, { do: 'fail', status: 400, message: 'That cannot be.' }, {}, /That cannot be\./) },
  'too many requests': { run: (t) => failing(t, 429, { do: 'fail', status: 429, headers: [['retry-after', '60']] }) },
  'a provider that fails': { run: (t) => failing(t, 500, { do: 'fail', status: 500 }) },
  'a stream cut after content': {
    streamedOnly: true,
    run: async ({ ask, next, spare }) => {
      await next({ do: 'cut', after: 2, text: 'One two three four.' });
      const error = await rejection(ask({ model: spare(), turns: hello }));
      assert.ok(error instanceof Error, `${error}`);
    },
  },
};

async function toolLoop({ ask, next, sent, client }, calls, reasoning) {
  await next({ text: '', calls, ...(reasoning ? { reasoning } : {}) }, { text: 'It is cold.' });
  const turns = [{ user: 'How is the weather?' }];
  const question = { turns, tools: [TOOL], reasoning: Boolean(reasoning) };
  const first = await ask(question);
  assert.deepEqual(first.calls.map((call) => [call.name, call.input]), calls.map(([, name, input]) => [name, input]));
  assert.equal(first.finish, client.toolFinish ?? 'tools');
  if (!client.idless) assert.equal(new Set(first.calls.map((call) => call.id)).size, calls.length);
  const results = first.calls.map((call, i) => ({ id: call.id, name: call.name, text: `${i + 3} degrees` }));
  const second = await ask({ ...question, turns: [...turns, { answer: first, results }] });
  assert.equal(second.text, 'It is cold.');
  const body = await sent();
  for (const { text } of results) assert.ok(body.includes(text), `${text}: ${body}`);
}

async function failing({ ask, next, client, spare }, status, script, { key, model } = {}, words) {
  if (script) await next(...(status === 500 ? [script, script] : [script]));
  const error = await rejection(ask({ key, model: model ?? spare(), turns: hello }));
  client.failed(error, status);
  if (words) assert.match(client.message?.(error) ?? error.message, words);
}

// In `client`: name, prefix (how its vendor's models are called), cannot: { case: reason }, open(url, key), ask(sdk, question, stream),
// failed(error, status): asserts the SDK's own class.
export function matrix(client) {
  const dialects = (process.env.WEIR_MATRIX ?? Object.keys(PROVIDERS).join()).split(',');
  const publicId = (dialect) => `${client.prefix}-at-${dialect}`;
  let world;
  const opened = new Map();

  before(async () => {
    const sims = Object.fromEntries(dialects.map((dialect) => [dialect, { speaks: [dialect], key: `sk-${dialect}`, strict: true }]));
    world = await startWorld(sims, (urls) => ({
      keys: [{ name: 'app', key: KEY }],
      providers: Object.fromEntries(
        dialects.map((dialect) => {
          const { base, own } = PROVIDERS[dialect];
          const spares = Array.from({ length: TRIES }, (_, i) => [`${publicId(dialect)}-${i}`, `${own}-${i}`]);
          const models = { [publicId(dialect)]: own, ...Object.fromEntries(spares) };
          return [dialect, { dialect, base_url: urls[dialect] + base, keys: [`sk-${dialect}`], models, retries: 0 }];
        }),
      ),
    }));
  });
  after(() => world?.stop());

  const open = (key) => {
    if (!opened.has(key)) opened.set(key, client.open(world.url, key));
    return opened.get(key);
  };

  for (const dialect of dialects) {
    let used = 0;
    describe(`${client.name} at ${dialect}`, () => {
      for (const [name, { needs, once, streamedOnly, run }] of Object.entries(CASES)) {
        for (const stream of once ? [false] : streamedOnly ? [true] : [false, true]) {
          const skip =
            client.cannot?.[name] ??
            (stream ? client.cannot?.[`${name}, streamed`] : client.cannot?.[`${name}, whole`]) ??
            client.cannot?.[`${name} at ${dialect}`] ??
            (needs && !PROVIDERS[dialect].says.includes(needs) ? WITHOUT[needs] : false);
          test(`${name}, ${stream ? 'streamed' : 'whole'}`, { skip }, async () => {
            const journal = () => world.sims.journal(dialect);
            const seen = (await journal()).length;
            await run({
              client,
              stream,
              ask: ({ key = KEY, model = publicId(dialect), ...question }) => client.ask(open(key), { model, ...question }, stream),
              next: (...scripts) => world.sims.next(dialect, ...scripts.map((script) => ({ do: 'auto', ...script }))),
              sent: async () => (await journal()).at(-1).body,
              spare: () => `${publicId(dialect)}-${used++}`,
            });
            for (const request of (await journal()).slice(seen)) assert.equal(request.problem, null, `refused: ${request.problem}\n${request.body}`);
          });
        }
      }
    });
  }
}

// ---- what clients share ----

export const json = (text) => JSON.parse(text || '{}');

// The class and the status by which a user tells failures apart: 5xx of a provider is 502 here.
export function assertStatus(error, status, given) {
  if (status === 500) assert.ok(given >= 500, `${given}: ${error}`);
  else assert.equal(given, status, `${error}`);
}
