// SPDX-License-Identifier: Apache-2.0
// The AI SDK with @ai-sdk/mistral at providers of every dialect.
import { mistral } from './clients/ai.mjs';
import { matrix } from './matrix.mjs';

matrix(mistral);
