/* SPDX-License-Identifier: Apache-2.0 */
/* `weir mock`: a simulated provider in the foreground. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include "cmd/cmd.h"
#include "cmd/interrupt.h"
#include "cmd/terminal.h"
#include "mock/mock.h"

static int cmd_mock(int argc, char **argv);

static const struct option mock_command_options[] = {
	{ "listen", 'l', "ADDRESS", "where (default 127.0.0.1:8490; port 0 = any)", false },
	{ "name", 0, "NAME", "what it calls itself in its answers (default mock)", false },
	{ "latency", 0, "DURATION", "before every answer (default 0s)", false },
	{ "first-token", 0, "DURATION", "streams: between the head and the first token (default 0s)", false },
	{ "rate", 0, "N", "tokens per second of a stream (default 0: at once)", false },
	{ "tokens", 0, "N", "length of an answer (default 24)", false },
	{ "limit", 0, "N", "requests per minute; over it 429 with retry-after (default none)", false },
	{ "key", 0, "KEY", "the key that must be presented (default: any or none)", false },
	{ "fault", 0, "SPEC", "a scripted fault, see below", true },
	{ "quiet", 'q', NULL, "no line per request", false },
};

const struct command command_mock = {
	.name = "mock",
	.summary = "a simulated provider in every dialect, with scripted faults, latency and limits",
	.details = "It speaks openai-chat (…/chat/completions, …/completions, …/embeddings, …/models), openai-responses\n"
		   "(…/responses), anthropic (…/messages, …/messages/count_tokens), gemini (…:generateContent,\n"
		   "…:streamGenerateContent, …:countTokens, …:embedContent), bedrock (/model/ID/converse[-stream]), cohere\n"
		   "(/v2/chat) and ollama (/api/chat) at once, told apart by the path.\n\n"
		   "A fault is KIND[,MEMBER=VALUE…]. Kinds:\n"
		   "  status=CODE      an error status with an error body\n"
		   "  reset            the connection is reset before any answer\n"
		   "  silence          no answer at all\n"
		   "  cut              reset within the answer\n"
		   "  end              a stream that ends cleanly, but before its finish\n"
		   "  stall            nothing more within the answer\n"
		   "  malformed        broken JSON\n"
		   "  error-event      an error inside the stream, or an error body with status 200\n"
		   "  no-terminator    a finished stream without [DONE] or message_stop\n"
		   "Members: after=TOKENS (default 5), every=N, times=N, chance=0.1, model=NAME, retry-after=SECONDS.\n"
		   "A model named fault-503, fault-cut, … has that fault by itself.",
	.options = mock_command_options,
	.option_count = COUNT_OF(mock_command_options),
	.run = cmd_mock,
};

static void print_record(const struct mock_record *r, void *ctx)
{
	printf("%.*s  %.*s%s  %d  %u tokens%s%s%s\n", SLICE_ARG(r->path), SLICE_ARG(r->model), r->stream ? " (stream)" : "", r->status,
	       r->tokens, r->fault != MOCK_NO_FAULT ? "  fault: " : "", r->fault != MOCK_NO_FAULT ? mock_fault_name(r->fault) : "",
	       r->gone ? "  not completed" : "");
	fflush(stdout);
}

static bool read_faults(const struct options *o, struct mock_options *ret)
{
	const char *error;

	for (unsigned i = 0; i < options_count(o, "fault"); i++)
		if (!mock_fault_parse(slice_cstr(options_at(o, "fault", i)), &ret->faults[ret->fault_count++], &error)) {
			options_complain(o, "--fault %s: %s", options_at(o, "fault", i), error);
			return false;
		}
	return true;
}

static bool read_options(const struct options *o, struct mock_options *ret)
{
	int64_t rate = 0, tokens = 24, limit = 0;

	mock_options_init(ret);
	if (!options_duration(o, "latency", &ret->latency_ms) || !options_duration(o, "first-token", &ret->first_token_ms) ||
	    !options_number(o, "rate", 0, 1000000, &rate) || !options_number(o, "tokens", 1, MOCK_TOKENS_MAX, &tokens) ||
	    !options_number(o, "limit", 0, 1000000000, &limit) || !read_faults(o, ret))
		return false;
	ret->rate = (unsigned)rate;
	ret->tokens = (unsigned)tokens;
	ret->limit_per_minute = (unsigned)limit;
	ret->key = slice_cstr(options_get(o, "key"));
	if (options_has(o, "name"))
		ret->name = options_get(o, "name");
	if (!options_has(o, "quiet"))
		ret->on_record = print_record;
	return true;
}

static int run(const struct mock_options *mo, const struct address *listen)
{
	struct loop *loop = loop_new(0);
	char error[160], text[ADDRESS_TEXT_MAX];
	struct mock *mock = mock_start(loop, mo, listen, error, sizeof(error));
	struct interrupt interrupt;
	int status = 1;

	if (!mock) {
		fprintf(stderr, "weir mock: %s\n", error);
	} else if (!interrupt_init(&interrupt, loop)) {
		fprintf(stderr, "weir mock: cannot watch signals: %s\n", strerror(errno));
	} else {
		printf("listening on %s\n", address_format(mock_address(mock), text));
		fflush(stdout);
		loop_run(loop);
		interrupt_done(&interrupt);
		status = 0;
	}
	mock_stop(mock);
	loop_free(loop);
	return status;
}

static int cmd_mock(int argc, char **argv)
{
	struct mock_options mo;
	struct address listen;
	struct options o;
	const char *error;
	int status;

	if (!options_parse(&o, &command_mock, argc, argv, &status))
		return status;
	if (!read_options(&o, &mo))
		return EXIT_USAGE;
	if (!address_parse(slice_cstr(options_has(&o, "listen") ? options_get(&o, "listen") : "127.0.0.1:8490"),
			   &listen, &error))
		return options_complain(&o, "--listen %s: %s", options_get(&o, "listen"), error);
	return run(&mo, &listen);
}
