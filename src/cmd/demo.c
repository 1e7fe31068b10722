/* SPDX-License-Identifier: Apache-2.0 */
/* `weir demo`: three simulated providers and the gateway in one process on loopback; a few real requests through it,
 * one of them with a failover; then it goes on serving so that people can try for themselves. The providers and the
 * demo's own client share this thread's loop, the gateway has threads of its own, as always. */
#include <errno.h>
#include <fcntl.h>
#include "base/clock.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/config_file.h"
#include "cmd/demo_request.h"
#include "cmd/gateway.h"
#include "cmd/interrupt.h"
#include "cmd/terminal.h"
#include "mock/mock.h"
#include "net/listener.h"

static int cmd_demo(int argc, char **argv);

static const struct option demo_options[] = {
	{ "once", 0, NULL, "end after the show instead of serving until Ctrl-C", false },
	{ "log", 0, NULL, "also print the gateway's own log, one line per request", false },
};

const struct command command_demo = {
	.name = "demo",
	.summary = "gateway and simulated providers on loopback, no keys needed; shows a failover",
	.details = "Everything stays on this machine. The gateway listens on 127.0.0.1:8484, or on any free port when that one is\n"
		   "taken; the simulated providers on any.",
	.options = demo_options,
	.option_count = COUNT_OF(demo_options),
	.run = cmd_demo,
};

enum { GATEWAY_PORT = 8484, PROVIDERS = 3, TOKENS = 21, TOKENS_PER_SECOND = 40 };

static const char *const provider_names[PROVIDERS] = { "anthropic", "google", "openai" };

struct demo {
	struct loop *loop;
	struct interrupt interrupt;
	struct mock *mocks[PROVIDERS];
	struct gateway *gateway;
	struct arena arena;
	struct slice url;              /* of the gateway */
	bool is_serving;               /* the show is over */
};

/* During the show only failures are told: the answers are seen as they come. */
static void print_record(const struct mock_record *r, void *ctx)
{
	const struct demo *d = ctx;

	if (r->status == 200 && !d->is_serving)
		return;
	printf("   %s%s is asked for %.*s and ", style_on(stdout, STYLE_DIM), r->mock, SLICE_ARG(r->model));
	if (r->status == 200)
		printf("answers, %u tokens%s%s\n", r->tokens, r->gone ? ", cut short" : "", style_off(stdout));
	else
		printf("%sfails: status %d%s\n", style_on(stdout, STYLE_WARN), r->status, style_off(stdout));
	fflush(stdout);
}

/* Anthropic's frontier model is overloaded, for ever: that is the failover of the show. */
static bool start_mocks(struct demo *d)
{
	const char *error;
	struct address any;

	check(address_parse(SLICE("127.0.0.1:0"), &any, &error), "the loopback address cannot be read");
	for (unsigned i = 0; i < PROVIDERS; i++) {
		struct mock_options o;
		char text[160];

		mock_options_init(&o);
		o.name = provider_names[i];
		o.tokens = TOKENS;
		o.rate = TOKENS_PER_SECOND;
		o.on_record = print_record;
		o.ctx = d;
		if (i == 0)
			check(mock_fault_parse(SLICE("status=529,model=claude-opus-4-7"), &o.faults[o.fault_count++], &error),
			      "the demo's own fault cannot be read");
		d->mocks[i] = mock_start(d->loop, &o, &any, text, sizeof(text));
		if (!d->mocks[i]) {
			fprintf(stderr, "weir demo: %s\n", text);
			return false;
		}
	}
	return true;
}

static unsigned free_port(void)
{
	struct address wanted;
	const char *error;

	return address_parse(SLICE("127.0.0.1:8484"), &wanted, &error) && listener_probe(&wanted) == 0 ? GATEWAY_PORT : 0;
}

static const char *mock_text_address(const struct demo *d, unsigned i, char text[static ADDRESS_TEXT_MAX])
{
	return address_format(mock_address(d->mocks[i]), text);
}

/* The README's first configuration, with the providers moved to loopback. */
static struct slice write_config(struct demo *d)
{
	char a[ADDRESS_TEXT_MAX], g[ADDRESS_TEXT_MAX], o[ADDRESS_TEXT_MAX];

	mock_text_address(d, 0, a);
	mock_text_address(d, 1, g);
	mock_text_address(d, 2, o);
	return arena_printf(&d->arena,
			    "listen: 127.0.0.1:%u\n"
			    "admin: { listen: \"127.0.0.1:0\" }\n"
			    "workers: 1\n"
			    "store: memory\n"
			    "providers:\n"
			    "  anthropic:\n"
			    "    priority: 1\n"
			    "    keys: [demo]\n"
			    "    retries: 0\n"
			    "    dialect: { anthropic: \"http://%s\", openai-chat: \"http://%s/v1\" }\n"
			    "    models: [claude-opus-4.7, claude-sonnet-4.6]\n"
			    "  google:\n"
			    "    priority: 2\n"
			    "    keys: [demo]\n"
			    "    dialect: { gemini: \"http://%s/v1beta\", openai-chat: \"http://%s/v1beta/openai\" }\n"
			    "    models: [gemini-3.1-pro, gemini-3-flash]\n"
			    "  openai:\n"
			    "    priority: 3\n"
			    "    keys: [demo]\n"
			    "    dialect: { openai-chat: \"http://%s/v1\" }\n"
			    "    models: [gpt-5.5, gpt-5.4-mini]\n"
			    "routing:\n"
			    "  - match: { model: claude-opus-4.7 }\n"
			    "    try: [anthropic, openai]\n"
			    "  - match: { model: gemini-3-flash }\n"
			    "    try: [google, anthropic]\n",
			    free_port(), a, a, g, g, o);
}

static bool start_gateway(struct demo *d)
{
	struct config_report report;
	struct config *c = config_parse(write_config(d), "demo", &report);
	char error[256], address[ADDRESS_TEXT_MAX];

	if (!c)
		config_file_print(&report, false, stderr);
	config_report_done(&report);
	if (!c)
		return false;
	d->gateway = gateway_start(c, NULL, error, sizeof(error));
	config_unref(c);
	if (!d->gateway) {
		fprintf(stderr, "weir demo: %s\n", error);
		return false;
	}
	gateway_address(d->gateway, address);
	d->url = arena_printf(&d->arena, "http://%s", address);
	return true;
}

/* ---- the show ---- */

static const struct demo_request show[] = {
	{ .title = "A whole answer, in OpenAI's dialect",
	  .path = "/v1/chat/completions",
	  .body = "{\"model\":\"gemini-3-flash\",\"messages\":[{\"role\":\"user\",\"content\":\"What is a weir?\"}]}" },
	{ .title = "A streamed answer, in Anthropic's dialect",
	  .path = "/v1/messages",
	  .body = "{\"model\":\"claude-sonnet-4.6\",\"max_tokens\":200,\"stream\":true,"
		  "\"messages\":[{\"role\":\"user\",\"content\":\"What is a weir?\"}]}" },
	{ .title = "A failover: the first provider is overloaded, the client never knows",
	  .path = "/v1/chat/completions",
	  .body = "{\"model\":\"claude-opus-4.7\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"What is a weir?\"}]}" },
};

static bool run_show(struct demo *d)
{
	for (unsigned i = 0; i < COUNT_OF(show) && !d->interrupt.happened; i++) {
		printf("%s%u. %s%s\n", style_on(stdout, STYLE_BOLD), i + 1, show[i].title, style_off(stdout));
		if (!demo_request_run(&show[i], d->url, d->loop, &d->interrupt.happened))
			return false;
		printf("\n");
	}
	return true;
}

static void print_curl(const struct demo *d, const char *options, const char *path, const char *body)
{
	printf("  curl %s%.*s%s", options, SLICE_ARG(d->url), path);
	if (body)
		printf(" -H 'content-type: application/json' \\\n       -d '%s'", body);
	printf("\n");
}

static void print_hints(const struct demo *d)
{
	char admin[ADDRESS_TEXT_MAX];

	gateway_admin_address(d->gateway, admin);
	printf("%sTry it%s (any key or none will do)\n", style_on(stdout, STYLE_BOLD), style_off(stdout));
	print_curl(d, "", "/v1/models", NULL);
	print_curl(d, "-i ", show[0].path, show[0].body);
	print_curl(d, "-N ", show[1].path, show[1].body);
	print_curl(d, "-iN ", show[2].path, show[2].body);
	printf("  curl http://%s/metrics\n"
	       "Or point an SDK there: OPENAI_BASE_URL=%.*s/v1  ANTHROPIC_BASE_URL=%.*s\n"
	       "Ctrl-C ends.\n\n", admin, SLICE_ARG(d->url), SLICE_ARG(d->url));
	fflush(stdout);
}

/* Not where the show is: a line of log could come in the middle of one of its. */
static void start_log(bool shown)
{
	int fd = shown ? STDERR_FILENO : open("/dev/null", O_WRONLY | O_CLOEXEC);

	log_start(fd >= 0 ? fd : STDERR_FILENO, shown ? LOG_INFO : LOG_ERROR);
}

static int run_demo(struct demo *d, bool once)
{
	printf("%sweir demo%s: one gateway, three simulated providers, all on this machine\n\n", style_on(stdout, STYLE_BOLD),
	       style_off(stdout));
	if (!start_mocks(d) || !start_gateway(d) || !run_show(d))
		return 1;
	if (d->interrupt.happened || once)
		return 0;
	print_hints(d);
	d->is_serving = true;
	loop_run(d->loop);
	return 0;
}

/* Signals first: threads that were started before would take them. */
static bool begin(struct demo *d, bool shows_log)
{
	arena_init(&d->arena);
	d->loop = loop_new(0);
	if (!interrupt_init(&d->interrupt, d->loop)) {
		fprintf(stderr, "weir demo: cannot watch signals: %s\n", strerror(errno));
		return false;
	}
	start_log(shows_log);
	return true;
}

static void end(struct demo *d)
{
	gateway_stop(d->gateway);
	for (unsigned i = 0; i < PROVIDERS; i++)
		mock_stop(d->mocks[i]);
	interrupt_done(&d->interrupt);
	loop_free(d->loop);
	arena_done(&d->arena);
	log_stop();
}

static int cmd_demo(int argc, char **argv)
{
	struct demo d = { 0 };
	struct options o;
	int status;

	if (!options_parse(&o, &command_demo, argc, argv, &status))
		return status;
	status = begin(&d, options_has(&o, "log")) ? run_demo(&d, options_has(&o, "once")) : 1;
	end(&d);
	return status;
}
