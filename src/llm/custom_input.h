/* SPDX-License-Identifier: Apache-2.0 */
/* Custom tools (OpenAI's: free text in, no JSON) at targets that know functions only: a function with one string, whose
 * arguments are {"input":"…"}. Here is the way back: the text out of the arguments, piece by piece as they come. */
#pragma once

#include "base/arena.h"

#define CUSTOM_INPUT_SCHEMA \
	"{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},\"required\":[\"input\"],\"additionalProperties\":false}"

enum custom_input_place {
	INPUT_BEFORE,                  /* nothing but white space was seen */
	INPUT_KEY,                     /* up to the colon */
	INPUT_VALUE,                   /* up to the quote */
	INPUT_TEXT,
	INPUT_ESCAPE,                  /* behind a backslash */
	INPUT_UNICODE,                 /* behind \u */
	INPUT_AFTER,
	INPUT_RAW                      /* the model wrote something else: it is passed as it is */
};

/* Zeroed before the first piece. */
struct custom_input {
	enum custom_input_place place;
	unsigned digits, value;        /* of \uXXXX */
	unsigned high;                 /* the first half of a pair, or 0 */
};

/* What of the text is in this piece; in `a`. */
struct slice custom_input_read(struct custom_input *c, struct slice piece, struct arena *a);
