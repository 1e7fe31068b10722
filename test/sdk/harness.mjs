// SPDX-License-Identifier: Apache-2.0
// Starts simulated providers and weir for one test file. Everything listens on loopback, on ports of its own.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const binary = process.env.WEIR_BINARY ?? path.join(here, '../../build/weir');

class Providers {
  constructor() {
    this.process = spawn(process.env.PYTHON ?? 'python3', [path.join(here, 'provider.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  async ask(command) {
    this.process.stdin.write(JSON.stringify(command) + '\n');
    const { value, done } = await this.lines.next();
    if (done) throw new Error('the simulated provider ended');
    return JSON.parse(value);
  }

  start(name, speaks, options = {}) {
    return this.ask({ op: 'start', name, speaks, ...options });
  }

  next(name, ...scripts) {
    return this.ask({ op: 'next', name, scripts });
  }

  async journal(name) {
    return (await this.ask({ op: 'journal', name })).requests;
  }
}

// `configure(urls)` returns the configuration (JSON is YAML) without its listeners.
export async function startWorld(providers, configure) {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-sdk-'));
  const sims = new Providers();
  const urls = {};
  for (const [name, { speaks, ...options }] of Object.entries(providers))
    urls[name] = (await sims.start(name, speaks, options)).url;

  const file = path.join(folder, 'weir.json');
  const listeners = { listen: '127.0.0.1:0', admin: { listen: '127.0.0.1:0' }, workers: 1, store: 'memory' };
  writeFileSync(file, JSON.stringify({ ...listeners, ...configure(urls) }));
  const weir = spawn(binary, ['serve', '-c', file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const records = [];
  const address = await new Promise((resolve, reject) => {
    weir.once('exit', (code) => {
      sims.process.stdin.end();
      reject(new Error(`weir ended with ${code}`));
    });
    createInterface({ input: weir.stdout }).on('line', (line) => {
      const entry = JSON.parse(line);
      const listening = /listens on (\S+),/.exec(entry.message ?? '');
      if (listening) resolve(listening[1]);
      else if (entry.request_id) records.push(entry);
    });
  });

  return {
    url: `http://${address}`,
    sims,
    records,
    async stop() {
      const ended = new Promise((resolve) => weir.once('exit', resolve));
      weir.kill('SIGTERM');
      weir.kill('SIGTERM');
      await ended;
      sims.process.stdin.end();
      rmSync(folder, { recursive: true });
    },
  };
}

// A reset on a pooled connection is taken for a stale one and tried once more: to fail, it must happen twice.
export const scripts = (fault) => (fault.do === 'reset' ? [fault, fault] : [fault]);

// A model of its own for each failover test: breakers are kept per model, and these tests are not about them.
export const models = Array.from({ length: 20 }, (_, i) => `m${i}`);

export async function collect(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

// The error that a promise is rejected with; an error if it is not.
export async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it should have failed');
}
