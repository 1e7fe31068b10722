// SPDX-License-Identifier: Apache-2.0
// The AI SDK with @ai-sdk/google at providers of every dialect.
import { google } from './clients/ai.mjs';
import { matrix } from './matrix.mjs';

matrix(google);
