// SPDX-License-Identifier: Apache-2.0
// Mistral's SDK at providers of every dialect.
import client from './clients/mistral.mjs';
import { matrix } from './matrix.mjs';

matrix(client);
