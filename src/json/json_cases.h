/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that are JSON and texts that are not, after the list of cases that "Parsing JSON is a Minefield" (JSONTestSuite)
 * made known; for json_test.c and json_oracle_test.c. */
#pragma once

#include "base/slice.h"

/* In initialisers SLICE() cannot be used. */
#define CASE(literal) { literal, sizeof(literal) - 1 }

static const struct slice json_accepted[] = {
	CASE("null"), CASE("true"), CASE("false"), CASE("0"), CASE("-0"), CASE("\"\""), CASE("[]"), CASE("{}"),
	CASE(" \t\r\n[ \t\r\n] \t\r\n"), CASE("{ }"), CASE("[[]]"), CASE("[{}]"), CASE("{\"\":{}}"), CASE("[[],[[]],{}]"),
	CASE("1"), CASE("-1"), CASE("10"), CASE("1.5"), CASE("-1.5e10"), CASE("1E+2"), CASE("1e-2"), CASE("0e1"), CASE("0.0"), CASE("1e999"),
	CASE("123456789012345678901234567890"), CASE("-0.0000000000000000000000000000000000001"), CASE("9007199254740993"),
	CASE("\"a\""), CASE("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), CASE("\"\\u0000\""), CASE("\"\\u00e9\\u4e2d\\uFFFF\""),
	CASE("\"\\ud83d\\ude00\""), CASE("\"\\uD834\\uDd1e\""), CASE("\"\x7f\""), CASE("\"\xc3\xa9\""), CASE("\"\xe4\xb8\xad\xe6\x96\x87\""),
	CASE("\"\xf0\x9f\x98\x80\""), CASE("\"\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\""), CASE("\"\xf4\x8f\xbf\xbf\""), CASE("\"\xe0\xa0\x80\xf0\x90\x80\x80\""),
	CASE("\"\xe2\x80\xa8\""), CASE("{\"a\":1,\"a\":2}"), CASE("{\"a\":1,\"\\u0061\":2}"), CASE("[1,\n2 ,\r\n3]"),
	CASE("{\"a\" : [ true , {\"b\" : null} ] , \"c\" : -0.5e-3 }"), CASE("\"0123456789abcdef0123456789abcdef0123456789abcdef\\n0123456789abcdef\""),
	CASE("[\"\xe4\xb8\xad\xe6\x96\x87 and Latin \xf0\x9f\x98\x80 mixed \xc3\xa9\xc3\xa9\xc3\xa9, longer than one block\"]"),
};

static const struct slice json_refused[] = {
	CASE(""), CASE(" "), CASE("\xef\xbb\xbf{}"), CASE("nul"), CASE("nulll"), CASE("True"), CASE("NaN"), CASE("Infinity"), CASE("-Infinity"),
	CASE("undefined"), CASE("'a'"), CASE("a"), CASE("{"), CASE("}"), CASE("["), CASE("]"), CASE("[1"), CASE("[1,"), CASE("[1,]"), CASE("[,1]"),
	CASE("[,]"), CASE("[1,,2]"), CASE("[1 2]"), CASE("[1}"), CASE("{]"), CASE("[1]]"), CASE("{}}"), CASE("{} {}"), CASE("1 2"), CASE("[]x"),
	CASE("{\"a\"}"), CASE("{\"a\":}"), CASE("{\"a\":1,}"), CASE("{,\"a\":1}"), CASE("{\"a\":1,,\"b\":2}"), CASE("{\"a\" 1}"), CASE("{\"a\"::1}"),
	CASE("{\"a\",1}"), CASE("{a:1}"), CASE("{1:1}"), CASE("{null:1}"), CASE("{'a':1}"), CASE("{\"a\":1 \"b\":2}"), CASE("{\"a\":1]"),
	CASE("{\"a\":1"), CASE("{\"a\""), CASE("{\"a\":"), CASE("[{}"), CASE("[\"a\""), CASE("01"), CASE("-01"), CASE("00"), CASE("+1"), CASE(".5"),
	CASE("-.5"), CASE("1."), CASE("1.e1"), CASE("-"), CASE("--1"), CASE("1e"), CASE("1e+"), CASE("1eE2"), CASE("0x10"), CASE("1_000"),
	CASE("1.2.3"), CASE("- 1"), CASE("1e1.5"), CASE("0e"), CASE("2.\xd9\xa1"), CASE("\""), CASE("\"a"), CASE("\"\\\""), CASE("\"\\a\""),
	CASE("\"\\x41\""), CASE("\"\\'\""), CASE("\"\\u12\""), CASE("\"\\u12G4\""), CASE("\"\\U0041\""), CASE("\"\\\n\""), CASE("\"\\ud83d\""),
	CASE("\"\\ude00\""), CASE("\"\\ud83dx\""), CASE("\"\\ud83d\\n\""), CASE("\"\\ud83d\\u0041\""), CASE("\"\\ud83d\\ud83d\\ude00\""),
	CASE("\"\\ud83d\\u\""), CASE("\"\n\""), CASE("\"\t\""), CASE("\"\0\""), CASE("\"\x1f\""), CASE("\"\x80\""), CASE("\"\xbf\""),
	CASE("\"\xc0\x80\""), CASE("\"\xc1\xbf\""), CASE("\"\xc3\""), CASE("\"\xc3(\""), CASE("\"\xe0\x80\x80\""), CASE("\"\xe0\x9f\xbf\""),
	CASE("\"\xed\xa0\x80\""), CASE("\"\xed\xbf\xbf\""), CASE("\"\xe4\xb8\""), CASE("\"\xe4\xb8(\""), CASE("\"\xf0\x80\x80\x80\""),
	CASE("\"\xf0\x8f\xbf\xbf\""), CASE("\"\xf4\x90\x80\x80\""), CASE("\"\xf5\x80\x80\x80\""), CASE("\"\xf0\x9f\x98\""), CASE("\"\xff\""),
	CASE("\"\xfe\xff\""), CASE("\xe4\xb8\xad"), CASE("\"0123456789abcdef0123456789abcdef\n\""), CASE("\"\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\""),
	CASE("[1]\0"), CASE("[1]\f"), CASE("[\v1]"), CASE("[1]\xc2\xa0"), CASE("// comment\n1"), CASE("1 // comment"), CASE("/* comment */1"),
	CASE("# comment\n1"), CASE("*"), CASE("<html>"), CASE("data: {}"),
};
