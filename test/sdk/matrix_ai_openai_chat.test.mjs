// SPDX-License-Identifier: Apache-2.0
// The AI SDK with @ai-sdk/openai's chat at providers of every dialect.
import { openaiChat } from './clients/ai.mjs';
import { matrix } from './matrix.mjs';

matrix(openaiChat);
