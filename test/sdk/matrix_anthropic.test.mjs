// SPDX-License-Identifier: Apache-2.0
// Anthropic's SDK at providers of every dialect.
import client from './clients/anthropic.mjs';
import { matrix } from './matrix.mjs';

matrix(client);
