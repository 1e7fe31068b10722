// SPDX-License-Identifier: Apache-2.0
// Ollama's SDK at providers of every dialect.
import client from './clients/ollama.mjs';
import { matrix } from './matrix.mjs';

matrix(client);
