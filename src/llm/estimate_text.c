/* SPDX-License-Identifier: Apache-2.0 */
/* Text to tokens without a vocabulary. Modern tokenizers cut a text into words, runs of digits (by three), of
 * punctuation and of white space before they look anything up; frequent words are one token with the space before
 * them, longer ones are two or three. A state machine over bytes does that cut, and each state costs what being in it
 * adds on average. */
#include "llm/estimate.h"

/* Kinds of bytes. */
enum { LOWER, UPPER, DIGIT, SPACE, LINE, MARK, ACCENT, SCRIPT, SYMBOL, IDEOGRAM, EMOJI, REST, KINDS };

/* W…: a word's letters; U…: capitals; D…: digits. */
enum state {
	NOTHING,
	W1,
	W2,
	W3,
	W4,
	W5,
	W6,
	W7,
	W8,
	W9,
	W10,
	W11,
	W12,
	W13,
	W14,
	W15,
	W16,
	W17,
	W18,
	U1,
	U2,
	U3,
	U4,
	AFTER_CAPITALS,
	D1,
	D2,
	D3,
	SPACED_DIGIT,
	S1,
	S2,
	S3,
	N1,
	N2,
	M1,
	M2,
	IN_ACCENT,
	IN_ACCENT_REST,
	IN_SCRIPT,
	IN_SYMBOL,
	IN_IDEOGRAM,
	IN_EMOJI,
	STATES
};

enum { HUNDREDTHS = 100 };
/* Fitted to recorded usage. */
static const uint8_t cost[STATES] = {
	[W1] = 100, [W5] = 5, [W8] = 20, [W11] = 45, [W14] = 90, [W18] = 35,
	[U1] = 100, [U4] = 100, [AFTER_CAPITALS] = 100,
	[D1] = 100, [SPACED_DIGIT] = 200, [S2] = 100, [N1] = 80, [M1] = 75, [M2] = 38,
	[IN_ACCENT] = 45, [IN_SCRIPT] = 50, [IN_SYMBOL] = 100, [IN_IDEOGRAM] = 90, [IN_EMOJI] = 160,
};

#define FROM(low, up, digit, space, line, mark, rest)                                                                 \
	{ low, up, digit, space, line, mark, IN_ACCENT, IN_SCRIPT, IN_SYMBOL, IN_IDEOGRAM, IN_EMOJI, rest }
#define FROM_WORD(low) FROM(low, U1, D1, S1, N1, M1, NOTHING)
static const uint8_t next[STATES][KINDS] = {
	[NOTHING] = FROM_WORD(W1),
	[W1] = FROM_WORD(W2),      [W2] = FROM_WORD(W3),      [W3] = FROM_WORD(W4),      [W4] = FROM_WORD(W5),
	[W5] = FROM_WORD(W6),      [W6] = FROM_WORD(W7),      [W7] = FROM_WORD(W8),      [W8] = FROM_WORD(W9),
	[W9] = FROM_WORD(W10),     [W10] = FROM_WORD(W11),    [W11] = FROM_WORD(W12),    [W12] = FROM_WORD(W13),
	[W13] = FROM_WORD(W14),    [W14] = FROM_WORD(W15),    [W15] = FROM_WORD(W16),    [W16] = FROM_WORD(W17),
	[W17] = FROM_WORD(W18),    [W18] = FROM_WORD(W18),
	[U1] = FROM(W2, U2, D1, S1, N1, M1, NOTHING),
	[U2] = FROM(AFTER_CAPITALS, U3, D1, S1, N1, M1, NOTHING),
	[U3] = FROM(AFTER_CAPITALS, U4, D1, S1, N1, M1, NOTHING),
	[U4] = FROM(AFTER_CAPITALS, U2, D1, S1, N1, M1, NOTHING),
	[AFTER_CAPITALS] = FROM_WORD(W3),
	[D1] = FROM(W1, U1, D2, S1, N1, M1, NOTHING),
	[D2] = FROM(W1, U1, D3, S1, N1, M1, NOTHING),
	[D3] = FROM(W1, U1, D1, S1, N1, M1, NOTHING),
	/* A number does not take the space before it along. */
	[SPACED_DIGIT] = FROM(W1, U1, D2, S1, N1, M1, NOTHING),
	[S1] = FROM(W1, U1, SPACED_DIGIT, S2, N1, M1, NOTHING),
	[S2] = FROM(W1, U1, D1, S3, N1, M1, NOTHING),
	[S3] = FROM(W1, U1, D1, S3, N1, M1, NOTHING),
	[N1] = FROM(W1, U1, D1, S1, N2, M1, NOTHING),
	[N2] = FROM(W1, U1, D1, S1, N2, M1, NOTHING),
	[M1] = FROM(W1, U1, D1, S1, N1, M2, NOTHING),
	[M2] = FROM(W1, U1, D1, S1, N1, M2, NOTHING),
	/* An accented letter stands within its word. */
	[IN_ACCENT] = FROM(W5, U1, D1, S1, N1, M1, IN_ACCENT_REST),
	[IN_ACCENT_REST] = FROM(W6, U1, D1, S1, N1, M1, IN_ACCENT_REST),
	[IN_SCRIPT] = FROM_WORD(W1),
	[IN_SYMBOL] = FROM_WORD(W1),
	[IN_IDEOGRAM] = FROM_WORD(W1),
	[IN_EMOJI] = FROM_WORD(W1),
};

#define FOUR(kind) kind, kind, kind, kind
#define EIGHT(kind) FOUR(kind), FOUR(kind)
#define SIXTEEN(kind) EIGHT(kind), EIGHT(kind)
/* UTF-8's first bytes: C3… two-byte letters, E0/E1 Indic and other scripts, E2 punctuation and symbols, E3…EF Chinese,
 * Japanese, Korean and full width, F0… beyond. */
static const uint8_t kinds[256] = {
	EIGHT(MARK), MARK, SPACE, LINE, MARK, MARK, LINE, MARK, MARK, SIXTEEN(MARK),
	SPACE, EIGHT(MARK), FOUR(MARK), MARK, MARK, MARK, EIGHT(DIGIT), DIGIT, DIGIT, FOUR(MARK), MARK, MARK,
	MARK, EIGHT(UPPER), EIGHT(UPPER), EIGHT(UPPER), UPPER, UPPER, FOUR(MARK), MARK,
	MARK, EIGHT(LOWER), EIGHT(LOWER), EIGHT(LOWER), LOWER, LOWER, FOUR(MARK), MARK,
	SIXTEEN(REST), SIXTEEN(REST), SIXTEEN(REST), SIXTEEN(REST),
	SIXTEEN(ACCENT), SIXTEEN(ACCENT),
	SCRIPT, SCRIPT, SYMBOL, IDEOGRAM, FOUR(IDEOGRAM), EIGHT(IDEOGRAM),
	SIXTEEN(EMOJI),
};

struct text_estimate estimate_text(const char *text, size_t len)
{
	uint64_t sum = HUNDREDTHS - 1, digits = 0;
	unsigned state = NOTHING;

	for (size_t i = 0; i < len; i++) {
		state = next[state][kinds[(unsigned char)text[i]]];
		sum += cost[state];
		digits += state - D2 <= D3 - D2;
	}
	return (struct text_estimate){ .tokens = (int64_t)(sum / HUNDREDTHS), .digits = (int64_t)digits };
}

int64_t estimate_text_tokens(const char *text, size_t len)
{
	return estimate_text(text, len).tokens;
}
