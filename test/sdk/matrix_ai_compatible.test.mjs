// SPDX-License-Identifier: Apache-2.0
// The AI SDK with @ai-sdk/openai-compatible at providers of every dialect.
import { compatible } from './clients/ai.mjs';
import { matrix } from './matrix.mjs';

matrix(compatible);
