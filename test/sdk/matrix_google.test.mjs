// SPDX-License-Identifier: Apache-2.0
// Google's SDK at providers of every dialect.
import client from './clients/google.mjs';
import { matrix } from './matrix.mjs';

matrix(client);
