// SPDX-License-Identifier: Apache-2.0
// The OpenAI SDK's chat completions at providers of every dialect.
import client from './clients/openai_chat.mjs';
import { matrix } from './matrix.mjs';

matrix(client);
