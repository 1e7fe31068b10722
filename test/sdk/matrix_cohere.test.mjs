// SPDX-License-Identifier: Apache-2.0
// Cohere's SDK at providers of every dialect.
import client from './clients/cohere.mjs';
import { matrix } from './matrix.mjs';

matrix(client);
