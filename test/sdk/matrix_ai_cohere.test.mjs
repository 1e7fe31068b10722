// SPDX-License-Identifier: Apache-2.0
// The AI SDK with @ai-sdk/cohere at providers of every dialect.
import { cohere } from './clients/ai.mjs';
import { matrix } from './matrix.mjs';

matrix(cohere);
