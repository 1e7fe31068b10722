// SPDX-License-Identifier: Apache-2.0
// The AI SDK with @ai-sdk/amazon-bedrock at providers of every dialect.
import { bedrock } from './clients/ai.mjs';
import { matrix } from './matrix.mjs';

matrix(bedrock);
