// SPDX-License-Identifier: Apache-2.0
// The AI SDK with @ai-sdk/groq at providers of every dialect.
import { groq } from './clients/ai.mjs';
import { matrix } from './matrix.mjs';

matrix(groq);
