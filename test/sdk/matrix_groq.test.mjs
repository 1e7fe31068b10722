// SPDX-License-Identifier: Apache-2.0
// Groq's SDK at providers of every dialect.
import client from './clients/groq.mjs';
import { matrix } from './matrix.mjs';

matrix(client);
