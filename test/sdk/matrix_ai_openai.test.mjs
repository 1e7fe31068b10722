// SPDX-License-Identifier: Apache-2.0
// The AI SDK with @ai-sdk/openai at providers of every dialect.
import { openai } from './clients/ai.mjs';
import { matrix } from './matrix.mjs';

matrix(openai);
