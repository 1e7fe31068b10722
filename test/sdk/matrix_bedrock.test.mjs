// SPDX-License-Identifier: Apache-2.0
// AWS's SDK for Bedrock at providers of every dialect.
import client from './clients/bedrock.mjs';
import { matrix } from './matrix.mjs';

matrix(client);
