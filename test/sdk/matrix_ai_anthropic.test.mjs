// SPDX-License-Identifier: Apache-2.0
// The AI SDK with @ai-sdk/anthropic at providers of every dialect.
import { anthropic } from './clients/ai.mjs';
import { matrix } from './matrix.mjs';

matrix(anthropic);
