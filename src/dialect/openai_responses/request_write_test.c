/* SPDX-License-Identifier: Apache-2.0 */
/* Responses requests through the hub and out again: own ones keep their meaning, foreign ones are told in this dialect's
 * words. */
#include "dialect/dialect_test.h"

#include "llm/field.h"
#include "llm/state.h"

enum { EFFORTS = EFFORT_LOW | EFFORT_MEDIUM | EFFORT_HIGH };

static const struct model_rules unknown,
	reasoner = { .reasoning = REASONING_EFFORT, .efforts = EFFORTS, .system_role = SYSTEM_AS_DEVELOPER },
	optional_reasoner = { .reasoning = REASONING_EFFORT, .efforts = EFFORT_NONE | EFFORTS },
	caching = { .reasoning = REASONING_ABSENT, .cache_marks = CACHE_MARKS_BREAKPOINT },
	gemma = { .system_role = SYSTEM_AS_USER }, replaying = { .replay = REPLAY_CONTENT };

struct written {
	char body[8192];               /* the request points into it */
	struct request q;
	struct chat chat;
	struct names names;
	struct buf out;
	uint64_t lossy;
	struct chat_target target;
	bool ok;
};

static void written_done(struct written *w)
{
	buf_done(&w->out);
	arena_done(&w->q.arena);
}

static void opened(struct written *w, enum operation op, const char *body)
{
	memset(w, 0, sizeof(*w));
	assert_true(strlen(body) < sizeof(w->body));
	memcpy(w->body, body, strlen(body) + 1);
	if (!request_read(&w->q, &dialect_openai_responses, op, w->body) ||
	    !dialect_openai_responses.read_chat(&w->q.facts, op, &w->q.arena, &w->chat, &w->q.failure))
		fail_msg("%s: %s", body, w->q.failure.message);
	names_init(&w->names, &w->q.arena);
	buf_init(&w->out, 1 << 20);
	w->target = (struct chat_target){ .operation = op, .model = SLICE("own"), .provider = SLICE("openai"), .rules = &unknown,
					  .stream = w->q.facts.stream, .names = &w->names, .rewritten_lossy = &w->lossy };
}

static void write_it(struct written *w)
{
	w->chat.fields = chat_fields(&w->chat);
	w->target.carried = field_judge(&w->chat, dialect_openai_responses.fields, DIALECT_OPENAI_RESPONSES, w->target.rules,
					w->target.quirks).carried;
	w->ok = dialect_openai_responses.write_chat(&w->chat, &w->target, &w->q.arena, &w->out, &w->q.failure);
	if (!w->ok)
		fail_msg("%s", w->q.failure.message);
}

/* ---- from this dialect into this dialect ---- */

#define INPUT "\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":\"hi\"}]"

/* What is written behind `model`; NULL: as it came. */
static void assert_own(const char *body, const char *expected)
{
	struct written w;
	char text[8192];

	snprintf(text, sizeof(text), "{\"model\":\"m\",%s}", body);
	opened(&w, OPERATION_CHAT, text);
	write_it(&w);
	snprintf(text, sizeof(text), "{\"model\":\"own\",%s}", expected ? expected : body);
	assert_slice(buf_slice(&w.out), text);
	assert_int_equal(w.lossy, 0);
	written_done(&w);
}

static void test_own_members(void **state)
{
	assert_own("\"input\":\"hi\"", INPUT);
	assert_own("\"stream\":true,\"instructions\":\"be brief\"," INPUT, NULL);
	assert_own("\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"schema\":{\"type\":\"object\"},\"strict\":true},"
		   "\"verbosity\":\"low\"}," INPUT, NULL);
	assert_own("\"text\":{\"format\":{\"type\":\"grammar\",\"x\":1}}," INPUT, NULL);
	assert_own("\"reasoning\":{\"effort\":\"high\",\"summary\":\"detailed\",\"context\":\"all_turns\"}," INPUT, NULL);
	assert_own("\"reasoning\":{\"effort\":\"ultra\"}," INPUT, NULL);
	assert_own("\"reasoning\":{\"effort\":\"none\"}," INPUT, NULL);
	assert_own("\"temperature\":0.70,\"top_p\":1,\"max_output_tokens\":64,\"top_logprobs\":3,"
		   "\"include\":[\"message.output_text.logprobs\",\"file_search_call.results\"]," INPUT, NULL);
	assert_own("\"store\":false," INPUT, NULL);
	assert_own("\"store\":true,\"background\":true,\"safety_identifier\":\"u\",\"metadata\":{\"a\":\"b\"},"
		   "\"service_tier\":\"flex\",\"prompt_cache_key\":\"k\"," INPUT, NULL);
	assert_own("\"user\":\"u\"," INPUT, "\"safety_identifier\":\"u\"," INPUT);
	assert_own("\"safety_identifier\":\"s\",\"user\":\"u\"," INPUT, NULL);
	assert_own("\"max_tool_calls\":3,\"truncation\":\"auto\",\"prompt\":{\"id\":\"p\"},\"member_of_tomorrow\":[1]," INPUT, NULL);
	assert_own("\"previous_response_id\":\"resp_1\",\"conversation\":{\"id\":\"c\"}," INPUT, NULL);
	assert_own("\"stream\":true,\"stream_options\":{\"include_obfuscation\":false}," INPUT, NULL);
	assert_own("\"stream_options\":{\"include_obfuscation\":false},\"temperature\":null," INPUT, INPUT);
}

static void test_own_tools(void **state)
{
	assert_own("\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{\"oneOf\":[]},\"strict\":null,\"defer_loading\":true},"
		   "{\"type\":\"custom\",\"name\":\"c\",\"format\":{\"type\":\"grammar\",\"syntax\":\"lark\",\"definition\":\"x\"}},"
		   "{\"type\":\"web_search\"},{\"type\":\"mcp\",\"server_label\":\"l\"}],\"tool_choice\":\"auto\","
		   "\"parallel_tool_calls\":true," INPUT, NULL);
	assert_own("\"tools\":[{\"type\":\"namespace\",\"name\":\"crm\",\"description\":\"d\",\"tools\":[{\"type\":\"function\",\"name\":\"a\"},"
		   "{\"type\":\"function\",\"name\":\"b\"}]},{\"type\":\"function\",\"name\":\"a\"}],"
		   "\"input\":[{\"type\":\"function_call\",\"call_id\":\"1\",\"name\":\"b\",\"namespace\":\"crm\",\"arguments\":\"{}\"},"
		   "{\"type\":\"function_call_output\",\"call_id\":\"1\",\"output\":\"ok\"}]", NULL);
#define TOOLS "\"tools\":[{\"type\":\"function\",\"name\":\"f\"},{\"type\":\"custom\",\"name\":\"c\"}],"
	assert_own(TOOLS "\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"}," INPUT, NULL);
	assert_own(TOOLS "\"tool_choice\":{\"type\":\"custom\",\"name\":\"c\"}," INPUT, NULL);
	assert_own(TOOLS "\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":\"required\",\"tools\":[{\"type\":\"function\",\"name\":\"f\"}]}," INPUT, NULL);
	assert_own(TOOLS "\"tool_choice\":{\"type\":\"mcp\",\"server_label\":\"l\"}," INPUT, NULL);
	assert_own(TOOLS "\"tool_choice\":\"none\"," INPUT, NULL);
}

#define REASONING "{\"id\":\"rs_1\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"hm\"}],\"encrypted_content\":\"gAAA\"}"

static void test_own_items(void **state)
{
	/* native state goes back as it is, and with it the ids and the phase of what belongs to it */
	assert_own("\"input\":[" REASONING ",{\"type\":\"message\",\"role\":\"assistant\",\"phase\":\"commentary\",\"id\":\"msg_1\","
		   "\"status\":\"completed\",\"content\":[{\"type\":\"output_text\",\"text\":\"a\",\"annotations\":[],\"logprobs\":[]},"
		   "{\"type\":\"refusal\",\"refusal\":\"no\"}]},{\"type\":\"function_call\",\"id\":\"fc_1\",\"call_id\":\"call:1\",\"name\":\"f\","
		   "\"arguments\":\"{\\\"a\\\":1}\"},{\"type\":\"function_call_output\",\"call_id\":\"call:1\",\"output\":\"x\"}]", NULL);
	/* without it they would name what lies elsewhere */
	assert_own("\"input\":[{\"type\":\"message\",\"role\":\"assistant\",\"id\":\"msg_1\",\"content\":[{\"type\":\"output_text\",\"text\":\"a\"}]},"
		   "{\"type\":\"function_call\",\"id\":\"fc_1\",\"call_id\":\"1\",\"name\":\"f\",\"arguments\":\"{}\"}]",
		   "\"input\":[{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"a\"},"
		   "{\"type\":\"function_call\",\"call_id\":\"1\",\"name\":\"f\",\"arguments\":\"{}\"}]");
	assert_own("\"input\":[{\"type\":\"message\",\"role\":\"system\",\"content\":\"s\"},{\"type\":\"message\",\"role\":\"developer\",\"content\":\"d\"},"
		   "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"t\"},"
		   "{\"type\":\"input_image\",\"image_url\":\"https://x/i.png\",\"detail\":\"low\"},{\"type\":\"input_image\",\"file_id\":\"f\","
		   	"\"detail\":\"auto\"},"
		   "{\"type\":\"input_file\",\"filename\":\"a.pdf\",\"file_data\":\"data:application/pdf;base64,JVBE\"},"
		   "{\"type\":\"input_file\",\"file_url\":\"https://x/a.pdf\"},"
		   "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\",\"format\":\"mp3\"}}]}]", NULL);
	assert_own("\"input\":[{\"type\":\"item_reference\",\"id\":\"x\"},{\"type\":\"web_search_call\",\"id\":\"ws_1\",\"status\":\"completed\"},"
		   "{\"type\":\"compaction\",\"encrypted_content\":\"e\"},{\"type\":\"mcp_approval_response\",\"approve\":true},"
		   "{\"type\":\"function_call\",\"call_id\":\"2\",\"name\":\"found\",\"namespace\":\"found\",\"arguments\":\"{}\"},"
		   "{\"type\":\"custom_tool_call\",\"call_id\":\"3\",\"name\":\"c\",\"input\":\"free\"},"
		   "{\"type\":\"function_call_output\",\"call_id\":\"2\",\"output\":[{\"type\":\"input_text\",\"text\":\"a\"},"
		   "{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,iVBO\",\"detail\":\"auto\"}]},"
		   "{\"type\":\"custom_tool_call_output\",\"call_id\":\"3\",\"output\":\"done\"}]", NULL);
	assert_own("\"prompt_cache_options\":{\"mode\":\"explicit\"},\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\","
		   "\"text\":\"t\",\"prompt_cache_breakpoint\":{\"mode\":\"explicit\"}}]}]", NULL);
	/* easy messages, and clients that are too easy */
	assert_own("\"input\":[{\"role\":\"user\",\"content\":\"a\"},\"b\",{\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"c\"}]}]",
		   "\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":\"a\"},{\"type\":\"message\",\"role\":\"user\",\"content\":\"b\"},"
		   "{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"c\"}]");
}

/* ---- from other dialects ---- */

static void foreign(struct written *w, const char *body, const struct model_rules *rules)
{
	char text[8192];

	snprintf(text, sizeof(text), "{\"model\":\"m\",%s}", body);
	opened(w, OPERATION_CHAT, text);
	w->chat.dialect = DIALECT_ANTHROPIC;
	w->target.rules = rules;
}

static void assert_written(struct written *w, const char *expected, uint64_t lossy)
{
	char text[8192];

	write_it(w);
	snprintf(text, sizeof(text), "{\"model\":\"own\",%s}", expected);
	assert_slice(buf_slice(&w->out), text);
	assert_int_equal(w->lossy, lossy);
	written_done(w);
}

static void assert_foreign(const char *body, const char *expected, const struct model_rules *rules, uint64_t lossy)
{
	struct written w;

	foreign(&w, body, rules);
	assert_written(&w, expected, lossy);
}

#define KEPT "\"include\":[\"reasoning.encrypted_content\"],\"store\":false,"

static void test_storage_and_reasoning(void **state)
{
	struct written w;

	/* nothing is stored that nobody asked to be stored, and reasoning comes along instead */
	assert_foreign(INPUT, "\"store\":false," INPUT, &unknown, 0);
	assert_foreign(INPUT, KEPT INPUT, &reasoner, 0);
	assert_foreign("\"store\":true," INPUT, "\"store\":true," INPUT, &reasoner, 0);
	foreign(&w, INPUT, &reasoner);
	w.target.quirks = QUIRK_NO_STORE | QUIRK_NO_ENCRYPTED_REASONING;
	assert_written(&w, INPUT, 0);

	assert_foreign("\"reasoning\":{\"effort\":\"xhigh\"}," INPUT, "\"reasoning\":{\"effort\":\"high\"}," KEPT INPUT, &reasoner, FIELD_REASONING);
	assert_foreign("\"reasoning\":{\"effort\":\"none\"}," INPUT, "\"reasoning\":{\"effort\":\"low\"}," KEPT INPUT, &reasoner, FIELD_REASONING);
	assert_foreign("\"reasoning\":{\"effort\":\"none\"}," INPUT, "\"reasoning\":{\"effort\":\"none\"}," KEPT INPUT, &optional_reasoner, 0);
	foreign(&w, INPUT, &optional_reasoner);
	w.chat.reasoning.wish = REASONING_ON;
	w.chat.reasoning.visible = SAID_YES;
	assert_written(&w, "\"reasoning\":{\"effort\":\"medium\",\"summary\":\"auto\"}," KEPT INPUT, 0);
	foreign(&w, INPUT, &reasoner);
	w.chat.reasoning.wish = REASONING_BY_BUDGET;
	w.chat.reasoning.budget = 2000;
	w.target.max_output = 32000;
	assert_written(&w, "\"reasoning\":{\"effort\":\"low\"}," KEPT INPUT, 0);
}

static void test_foreign_members(void **state)
{
	struct written w;

	assert_foreign("\"max_output_tokens\":1,\"temperature\":2.5," INPUT, "\"temperature\":2,\"max_output_tokens\":16,\"store\":false," INPUT,
		       &unknown, FIELD_MAX_OUTPUT | FIELD_TEMPERATURE);
	assert_foreign("\"text\":{\"format\":{\"type\":\"json_object\"}}," INPUT,
		       "\"text\":{\"format\":{\"type\":\"json_object\"}},\"store\":false,\"input\":[{\"type\":\"message\",\"role\":\"system\","
		       "\"content\":\"Answer in JSON.\"},{\"type\":\"message\",\"role\":\"user\",\"content\":\"hi\"}]", &unknown, 0);
	/* a schema that strict mode cannot hold is an ordinary one */
	assert_foreign("\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"my name\",\"schema\":{\"type\":\"object\",\"properties\":"
		       "{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],\"additionalProperties\":false}}}," INPUT,
		       "\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"my_name_1tkd0abtfq\",\"schema\":{\"type\":\"object\",\"properties\":"
		       "{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],\"additionalProperties\":false},\"strict\":true}},\"store\":false," INPUT,
		       &unknown, 0);
	foreign(&w, INPUT, &unknown);
	w.chat.user = SLICE("user_0123456789012345678901234567890123456789_account__session_0123456789");
	write_it(&w);
	assert_true(slice_find(buf_slice(&w.out), SLICE("\"safety_identifier\":\"")) != SIZE_MAX);
	assert_true(slice_find(buf_slice(&w.out), SLICE("session")) == SIZE_MAX);
	written_done(&w);
	/* other dialects' members are nobody's here */
	assert_foreign("\"member_of_tomorrow\":1,\"stream_options\":{}," INPUT, "\"store\":false," INPUT, &unknown, 0);
}

static void test_foreign_tools(void **state)
{
	struct written w;

	assert_foreign("\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"description\":\"d\",\"parameters\":{\"type\":\"object\",\"properties\":"
		       "{\"a\":{\"type\":\"string\"}}}},{\"type\":\"function\",\"name\":\"g\"}],\"tool_choice\":\"required\",\"parallel_tool_calls\":false,"
		       	INPUT,
		       "\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"description\":\"d\",\"parameters\":{\"type\":\"object\",\"properties\":"
		       "{\"a\":{\"type\":\"string\"}}},\"strict\":false},{\"type\":\"function\",\"name\":\"g\",\"parameters\":"
		       "{\"type\":\"object\",\"properties\":{}},\"strict\":false}],\"tool_choice\":\"required\",\"parallel_tool_calls\":false,"
		       "\"store\":false," INPUT, &unknown, 0);
	/* a grammar as chat completions nest it; names outside the alphabet */
	foreign(&w, "\"tools\":[{\"type\":\"custom\",\"name\":\"c\",\"format\":{\"type\":\"grammar\",\"grammar\":{\"syntax\":\"lark\",\"definition\":\"x\"}}},"
		    "{\"type\":\"function\",\"name\":\"a.b\"}],\"tool_choice\":{\"type\":\"function\",\"name\":\"a.b\"}," INPUT, &unknown);
	write_it(&w);
	assert_true(slice_find(buf_slice(&w.out), SLICE("\"format\":{\"type\":\"grammar\",\"syntax\":\"lark\",\"definition\":\"x\"}")) != SIZE_MAX);
	assert_true(slice_find(buf_slice(&w.out), SLICE("a.b")) == SIZE_MAX);
	assert_int_equal(w.names.count, 1);
	written_done(&w);
	foreign(&w, "\"tools\":[{\"type\":\"web_search\",\"allowed_domains\":[\"a.org\"],\"user_location\":{\"type\":\"approximate\",\"city\":\"Oslo\"},"
		    "\"max_uses\":3}]," INPUT, &unknown);
	w.chat.tools->raw_dialect = DIALECT_ANTHROPIC;
	assert_written(&w, "\"tools\":[{\"type\":\"web_search\",\"filters\":{\"allowed_domains\":[\"a.org\"]},"
			   "\"user_location\":{\"type\":\"approximate\",\"city\":\"Oslo\"}}],\"store\":false," INPUT, FIELD_WEB_SEARCH);
}

static void test_foreign_conversation(void **state)
{
	struct written w;

	/* system text in front is one string, later it is a message */
	assert_foreign("\"instructions\":\"a\",\"input\":[{\"role\":\"system\",\"content\":\"b\"},{\"role\":\"user\",\"content\":\"u\"},"
		       "{\"role\":\"system\",\"content\":\"later\"}]",
		       "\"instructions\":\"a\\n\\nb\"," KEPT "\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":\"u\"},"
		       "{\"type\":\"message\",\"role\":\"developer\",\"content\":\"later\"}]", &reasoner, 0);
	assert_foreign("\"instructions\":\"a\"," INPUT, "\"store\":false,\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":\"a\"},"
		       "{\"type\":\"message\",\"role\":\"user\",\"content\":\"hi\"}]", &gemma, 0);

	/* results first, errors in words, texts in one piece again */
	foreign(&w, "\"input\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"a \"},{\"type\":\"output_text\",\"text\":\"b\"}]},"
		    "{\"type\":\"function_call\",\"call_id\":\"toolu_1\",\"name\":\"f\",\"arguments\":\"\"},{\"type\":\"function_call_output\","
		    "\"call_id\":\"toolu_1\",\"output\":\"broken\"}]", &unknown);
	turn_add_text(w.chat.last_turn, &w.q.arena, SLICE("and?"));
	w.chat.last_turn->parts->result->is_error = true;
	assert_written(&w, "\"store\":false,\"input\":[{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"a b\"},"
			   "{\"type\":\"function_call\",\"call_id\":\"toolu_1\",\"name\":\"f\",\"arguments\":\"{}\"},"
			   "{\"type\":\"function_call_output\",\"call_id\":\"toolu_1\",\"output\":\"Error: broken\"},"
			   "{\"type\":\"message\",\"role\":\"user\",\"content\":\"and?\"}]", 0);

	/* a document in words */
	foreign(&w,
		"\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_file\",\"file_data\":\"JVBERi0x\"},{\"type\":\"input_file\","
				"\"file_data\":\"x\"}]}]",
		&unknown);
	w.chat.turns->last->media->source = MEDIA_TEXT;
	w.chat.turns->last->media->name = SLICE("Title");
	w.chat.turns->last->media->value = SLICE("words");
	assert_written(&w, "\"store\":false,\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_file\","
			   "\"filename\":\"document.pdf\",\"file_data\":\"data:application/pdf;base64,JVBERi0x\"},"
			   "{\"type\":\"input_text\",\"text\":\"Title\\n\\nwords\"}]}]", 0);
}

#define MARKED(text) "{\"type\":\"input_text\",\"text\":\"" text "\",\"prompt_cache_breakpoint\":{\"mode\":\"explicit\"}}"
#define PLAIN(text) "{\"type\":\"input_text\",\"text\":\"" text "\"}"

/* Instructions alone are no input: they are said as its only message. */
static void test_instructions_alone(void **state)
{
	assert_foreign("\"input\":[{\"role\":\"system\",\"content\":\"s\"}]",
		       "\"store\":false,\"input\":[{\"type\":\"message\",\"role\":\"system\",\"content\":\"s\"}]", &unknown, 0);
}

static void test_cache_markers(void **state)
{
	/* at most four: the last ones; a model without them is told nothing */
	static const char body[] = "\"input\":[{\"role\":\"system\",\"content\":[" MARKED("s") "]},{\"role\":\"user\",\"content\":[" MARKED("1") ","
				   MARKED("2") "," MARKED("3")
				   	",{\"type\":\"input_text\",\"text\":\"4\",\"prompt_cache_breakpoint\":{\"mode\":\"explicit\",\"ttl\":\"12h\"}}]}]";
	assert_foreign(body,
		"\"store\":false,\"prompt_cache_options\":{\"mode\":\"explicit\"},\"input\":[{\"type\":\"message\",\"role\":\"system\",\"content\":["
			     PLAIN("s") "]},{\"type\":\"message\",\"role\":\"user\",\"content\":[" MARKED("1") "," MARKED("2") "," MARKED("3") ","
			     "{\"type\":\"input_text\",\"text\":\"4\",\"prompt_cache_breakpoint\":{\"mode\":\"explicit\",\"ttl\":\"12h\"}}]}]",
		&caching, FIELD_CACHE_MARKS);
	assert_foreign(body, "\"instructions\":\"s\",\"store\":false,\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[" PLAIN("1") "," PLAIN("2")
			     "," PLAIN("3") "," PLAIN("4") "]}]", &unknown, FIELD_CACHE_MARKS);
}

#define CALL "{\"type\":\"function_call\",\"call_id\":\"1\",\"name\":\"f\",\"arguments\":\"{}\"}"

/* A conversation that has grown by a turn begins with the same bytes: caches keep hitting (pain F5). */
static void test_prefix_stays(void **state)
{
#define FIRST "\"instructions\":\"s\",\"tools\":[{\"type\":\"function\",\"name\":\"a.b\"}],\"text\":{\"format\":{\"type\":\"json_object\"}}," \
	"\"input\":[{\"role\":\"user\",\"content\":\"one\"}," CALL ",{\"type\":\"function_call_output\",\"call_id\":\"1\",\"output\":\"x\"}"
	struct written first, second;
	struct slice shorter;

	foreign(&first, FIRST "]", &reasoner);
	write_it(&first);
	foreign(&second, FIRST ",{\"role\":\"assistant\",\"content\":\"two\"},{\"role\":\"user\",\"content\":\"three\"}]", &reasoner);
	write_it(&second);
	shorter = buf_slice(&first.out);
	shorter.len -= 2; /* "]}" */
	assert_true(slice_starts_with(buf_slice(&second.out), shorter));
	written_done(&first);
	written_done(&second);
}

/* ---- reasoning state ---- */

static void wrapped(struct written *w, struct slice payload, const char *provider, enum dialect_id dialect, const char *summary)
{
	struct arena a;
	char body[4096];
	struct slice text;

	arena_init(&a);
	text = state_wrap(payload, slice_cstr(provider), dialect, &a);
	snprintf(body, sizeof(body), "{\"model\":\"m\",\"input\":[{\"type\":\"reasoning\",\"id\":\"rs_9\",\"summary\":[%s],\"encrypted_content\":\"%.*s\"},"
		 "{\"type\":\"function_call\",\"id\":\"fc_9\",\"call_id\":\"1\",\"name\":\"f\",\"arguments\":\"{}\"}]}", summary, SLICE_ARG(text));
	opened(w, OPERATION_CHAT, body);
	arena_done(&a);
}

#define HM "{\"type\":\"summary_text\",\"text\":\"hm\"}"

static void test_state(void **state)
{
	struct written w;

	/* at home: the provider's own item, and its ids */
	wrapped(&w, SLICE(REASONING), "openai", DIALECT_OPENAI_RESPONSES, HM);
	assert_written(&w, "\"input\":[" REASONING ",{\"type\":\"function_call\",\"id\":\"fc_9\",\"call_id\":\"1\",\"name\":\"f\",\"arguments\":\"{}\"}]", 0);
	/* somebody else's: left out, text and all */
	wrapped(&w, SLICE(REASONING), "xai", DIALECT_OPENAI_RESPONSES, HM);
	assert_written(&w, "\"input\":[" CALL "]", 0);
	wrapped(&w, SLICE("sig"), "anthropic", DIALECT_ANTHROPIC, HM);
	assert_slice(w.chat.turns->parts->text, "hm");
	assert_slice(w.chat.turns->parts->state.payload, "sig");
	assert_written(&w, "\"input\":[" CALL "]", 0);
	/* unless the model has to see its text */
	wrapped(&w, SLICE("sig"), "anthropic", DIALECT_ANTHROPIC, HM);
	w.target.rules = &replaying;
	assert_written(&w, "\"input\":[{\"type\":\"reasoning\",\"summary\":[],\"content\":[{\"type\":\"reasoning_text\",\"text\":\"hm\"}]}," CALL "]", 0);
	/* Gemini's belongs to the call behind it */
	wrapped(&w, SLICE("sig"), "gemini", DIALECT_GEMINI, "");
	assert_int_equal(w.chat.turns->parts->kind, PART_TOOL_CALL);
	assert_slice(w.chat.turns->parts->state.payload, "sig");
	written_done(&w);
	/* what a client made of it cannot reach out of its place */
	wrapped(&w, SLICE("{\"type\":\"reasoning\"}],\"model\":\"dear\",\"x\":[{}"), "openai", DIALECT_OPENAI_RESPONSES, "");
	write_it(&w);
	assert_true(slice_find(buf_slice(&w.out), SLICE("dear")) == SIZE_MAX);
	written_done(&w);
}

/* ---- token counts ---- */

static void test_count(void **state)
{
	struct written w;

	opened(&w, OPERATION_COUNT_TOKENS, "{\"model\":\"m\",\"instructions\":\"i\",\"temperature\":1,\"max_output_tokens\":5,\"truncation\":\"auto\","
		"\"tools\":[{\"type\":\"function\",\"name\":\"f\"}],\"reasoning\":{\"effort\":\"low\"},\"metadata\":{\"a\":\"b\"},\"input\":\"hi\"}");
	write_it(&w);
	assert_slice(buf_slice(&w.out),
		"{\"model\":\"own\",\"instructions\":\"i\",\"tools\":[{\"type\":\"function\",\"name\":\"f\"}],\"reasoning\":{\"effort\":\"low\"},"
		"\"truncation\":\"auto\"," INPUT "}");
	written_done(&w);
}

/* ---- the table ---- */

static const struct {
	enum field_index field;
	const char *body, *sign;       /* members that use it; what then stands in the request */
	void (*change)(struct written *w);
} promises[] = {
	{ FIELD_INDEX_SYSTEM, "\"instructions\":\"sys\"," INPUT, "\"instructions\":\"sys\"" },
	{ FIELD_INDEX_LATER_SYSTEM, "\"input\":[\"u\",{\"role\":\"system\",\"content\":\"later\"}]", "\"role\":\"system\",\"content\":\"later\"" },
	{ FIELD_INDEX_IMAGE_DATA, "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,AA\"}]}]",
	  "\"image_url\":\"data:image/png;base64,AA\"" },
	{ FIELD_INDEX_IMAGE_URL, "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"https://x/i\"}]}]",
		"\"image_url\":\"https://x/i\"" },
	{ FIELD_INDEX_DOCUMENT_DATA, "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_file\",\"file_data\":\"data:application/pdf;base64,AA\"}]}]",
	  "\"file_data\":\"data:application/pdf;base64,AA\"" },
	{ FIELD_INDEX_DOCUMENT_URL, "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_file\",\"file_url\":\"https://x/d\"}]}]",
		"\"file_url\":\"https://x/d\"" },
	{ FIELD_INDEX_TOOLS, "\"tools\":[{\"type\":\"function\",\"name\":\"f\"}]," INPUT, "\"name\":\"f\"" },
	{ FIELD_INDEX_CUSTOM_TOOLS, "\"tools\":[{\"type\":\"custom\",\"name\":\"f\"}]," INPUT, "\"type\":\"custom\"" },
	{ FIELD_INDEX_WEB_SEARCH, "\"tools\":[{\"type\":\"web_search\"}]," INPUT, "{\"type\":\"web_search\"}" },
	{ FIELD_INDEX_TOOL_STRICT, "\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"strict\":true,\"parameters\":{\"type\":\"object\",\"properties\":{},"
	  "\"required\":[],\"additionalProperties\":false}}]," INPUT, "\"strict\":true" },
	{ FIELD_INDEX_CHOICE_NONE, TOOLS "\"tool_choice\":\"none\"," INPUT, "\"tool_choice\":\"none\"" },
	{ FIELD_INDEX_CHOICE_REQUIRED, TOOLS "\"tool_choice\":\"required\"," INPUT, "\"tool_choice\":\"required\"" },
	{ FIELD_INDEX_CHOICE_NAMED, TOOLS "\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"}," INPUT,
		"\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"}" },
	{ FIELD_INDEX_CHOICE_ALLOWED, TOOLS "\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":\"auto\",\"tools\":[{\"type\":\"custom\",\"name\":\"c\"}]},"
		INPUT,
	  "\"tools\":[{\"type\":\"custom\",\"name\":\"c\"}]}" },
	{ FIELD_INDEX_PARALLEL_CONTROL, TOOLS "\"parallel_tool_calls\":false," INPUT, "\"parallel_tool_calls\":false" },
	{ FIELD_INDEX_FORMAT_JSON, "\"text\":{\"format\":{\"type\":\"json_object\"}}," INPUT, "json_object" },
	{ FIELD_INDEX_FORMAT_SCHEMA, "\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"schema\":{\"type\":\"object\"}}}," INPUT, "json_schema" },
	{ FIELD_INDEX_MAX_OUTPUT, "\"max_output_tokens\":77," INPUT, "\"max_output_tokens\":77" },
	{ FIELD_INDEX_TEMPERATURE, "\"temperature\":0.5," INPUT, "\"temperature\":0.5" },
	{ FIELD_INDEX_TOP_P, "\"top_p\":0.5," INPUT, "\"top_p\":0.5" },
	{ FIELD_INDEX_LOGPROBS, "\"include\":[\"message.output_text.logprobs\"],\"top_logprobs\":2," INPUT,
		"\"top_logprobs\":2,\"include\":[\"message.output_text.logprobs\"]" },
	{ FIELD_INDEX_REASONING, "\"reasoning\":{\"effort\":\"low\"}," INPUT, "\"effort\":\"low\"" },
	{ FIELD_INDEX_REASONING_VISIBLE, "\"reasoning\":{\"summary\":\"concise\"}," INPUT, "\"summary\":\"concise\"" },
	{ FIELD_INDEX_VERBOSITY, "\"text\":{\"verbosity\":\"low\"}," INPUT, "\"verbosity\":\"low\"" },
	{ FIELD_INDEX_SERVICE_TIER, "\"service_tier\":\"flex\"," INPUT, "\"service_tier\":\"flex\"" },
	{ FIELD_INDEX_USER, "\"user\":\"u\"," INPUT, "\"safety_identifier\":\"u\"" },
	{ FIELD_INDEX_METADATA, "\"metadata\":{\"k\":\"v\"}," INPUT, "\"metadata\":{\"k\":\"v\"}" },
	{ FIELD_INDEX_CACHE_KEY, "\"prompt_cache_key\":\"k\"," INPUT, "\"prompt_cache_key\":\"k\"" },
	{ FIELD_INDEX_STORE, "\"store\":true," INPUT, "\"store\":true" },
	{ FIELD_INDEX_PREVIOUS_RESPONSE, "\"previous_response_id\":\"r\"," INPUT, "\"previous_response_id\":\"r\"" },
	{ FIELD_INDEX_BACKGROUND, "\"background\":true," INPUT, "\"background\":true" },
	{ FIELD_INDEX_RESULT_MEDIA, "\"input\":[" CALL
		",{\"type\":\"function_call_output\",\"call_id\":\"1\",\"output\":[{\"type\":\"input_image\",\"image_url\":\"https://x/i\"}]}]",
	  "\"output\":[{\"type\":\"input_image\"" },
};

static void test_table_keeps_its_promises(void **state)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < COUNT_OF(promises); i++) {
		const struct field_row *row = &dialect_openai_responses.fields[promises[i].field];
		struct written w;

		foreign(&w, promises[i].body, &unknown);
		write_it(&w);
		if (!(w.chat.fields & 1ull << promises[i].field))
			fail_msg("%s does not use \"%s\"", promises[i].body, field_words(promises[i].field));
		if (row->carriage != CARRIED && row->carriage != REWRITTEN)
			fail_msg("the table does not promise \"%s\"", field_words(promises[i].field));
		if (slice_find(buf_slice(&w.out), slice_cstr(promises[i].sign)) == SIZE_MAX)
			fail_msg("%s is not in %.*s", promises[i].sign, SLICE_ARG(buf_slice(&w.out)));
		seen |= 1ull << promises[i].field;
		written_done(&w);
	}
	/* Said in other tests: what needs a chat that this dialect's clients cannot send, or a model that knows it. */
	seen |= FIELD_DOCUMENT_TEXT | FIELD_RESULT_ERROR | FIELD_REASONING_HISTORY | FIELD_CACHE_MARKS;
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		enum carriage c = dialect_openai_responses.fields[i].carriage;

		if ((c == CARRIED || c == REWRITTEN) != ((seen & 1ull << i) != 0))
			fail_msg("no test for what the table says of \"%s\"", field_words(i));
		if ((c == REFUSED) && field_class(i) != FIELD_CLASS_MEANING)
			fail_msg("only what has a meaning is refused, not \"%s\"", field_words(i));
		if ((c == DROPPED) && field_class(i) == FIELD_CLASS_MEANING)
			fail_msg("\"%s\" has a meaning", field_words(i));
	}
}

/* ---- refusals ---- */

static void assert_refused(const char *body, const char *message)
{
	struct written w = { .ok = false };

	assert_true(request_read(&w.q, &dialect_openai_responses, OPERATION_CHAT, body));
	assert_false(dialect_openai_responses.read_chat(&w.q.facts, OPERATION_CHAT, &w.q.arena, &w.chat, &w.q.failure));
	assert_int_equal(w.q.failure.kind, FAILURE_BAD_REQUEST);
	assert_string_equal(w.q.failure.message, message);
	arena_done(&w.q.arena);
}

static void test_refusals(void **state)
{
	assert_refused("{\"model\":\"m\"}", "the conversation is empty: send at least one message");
	assert_refused("{\"model\":\"m\",\"input\":5}", "\"input\" must be a string or an array of items");
	assert_refused("{\"model\":\"m\",\"input\":[5]}", "input[0] is not an object");
	assert_refused("{\"model\":\"m\",\"input\":[{\"role\":\"critic\",\"content\":\"\"}]}",
		       "input[0] has an unknown \"role\": user, assistant, system and developer are known");
	assert_refused("{\"model\":\"m\",\"input\":[\"a\",{\"role\":\"user\",\"content\":5}]}",
		       "input[1] is a message whose \"content\" is neither a string nor an array");
	assert_refused("{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"}]}]}",
		       "input[0] has content of an unknown type: input_text, input_image, input_file, output_text and refusal are known");
	assert_refused("{\"model\":\"m\",\"input\":[{\"type\":\"function_call\"}]}", "input[0] is a call without the tool's \"name\"");
	assert_refused("{\"model\":\"m\",\"input\":[{\"type\":\"function_call_output\",\"output\":\"\"}]}", "input[0] is a call's output without \"call_id\"");
	assert_refused("{\"model\":\"m\",\"input\":\"a\",\"instructions\":[]}", "\"instructions\" must be a string");
	assert_refused("{\"model\":\"m\",\"input\":\"a\",\"tools\":{}}", "\"tools\" must be an array");
	assert_refused("{\"model\":\"m\",\"input\":\"a\",\"tools\":[{}]}", "tools[0] has no \"type\", such as \"function\"");
	assert_refused("{\"model\":\"m\",\"input\":\"a\",\"tools\":[{\"type\":\"function\"}]}", "tools[0] has no \"name\"");
	assert_refused("{\"model\":\"m\",\"input\":\"a\",\"temperature\":\"hot\"}", "\"temperature\" must be a number");
	assert_refused("{\"model\":\"m\",\"input\":\"a\",\"text\":\"json\"}", "\"text\" must be an object");
	assert_refused("{\"model\":\"m\",\"input\":\"a\",\"background\":1}", "\"background\" must be true or false");
	assert_refused("{\"model\":\"m\",\"input\":\"a\",\"max_output_tokens\":1.5}", "\"max_output_tokens\" must be a whole number");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_members),
		cmocka_unit_test(test_own_tools),
		cmocka_unit_test(test_own_items),
		cmocka_unit_test(test_storage_and_reasoning),
		cmocka_unit_test(test_foreign_members),
		cmocka_unit_test(test_foreign_tools),
		cmocka_unit_test(test_foreign_conversation),
		cmocka_unit_test(test_instructions_alone),
		cmocka_unit_test(test_cache_markers),
		cmocka_unit_test(test_prefix_stays),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_table_keeps_its_promises),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
