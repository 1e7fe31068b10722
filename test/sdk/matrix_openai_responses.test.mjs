// SPDX-License-Identifier: Apache-2.0
// The OpenAI SDK's responses at providers of every dialect.
import client from './clients/openai_responses.mjs';
import { matrix } from './matrix.mjs';

matrix(client);
