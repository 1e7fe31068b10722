/* SPDX-License-Identifier: Apache-2.0 */
/* Messages requests through the hub and out again: own ones keep their meaning, foreign ones are told in this dialect's
 * words. */
#include "dialect/dialect_test.h"

#include "llm/field.h"
#include "llm/state.h"

static const struct model_rules unknown, no_schema = { .rejects = REJECTS_SCHEMA },
	adaptive = { .reasoning = REASONING_ADAPTIVE, .efforts = EFFORT_LOW | EFFORT_MEDIUM | EFFORT_HIGH | EFFORT_XHIGH | EFFORT_MAX,
		     .rejects = REJECTS_REASONING_OFF_ABOVE_HIGH },
	always_on = { .reasoning = REASONING_ADAPTIVE, .rejects = REJECTS_REASONING_OFF | REJECTS_FORCED_TOOL | REJECTS_SCHEMA },
	budget = { .reasoning = REASONING_BUDGET, .budget_min = 1024, .rejects = REJECTS_FORCED_TOOL_WITH_REASONING | REJECTS_SCHEMA },
	no_later_system = { .rejects = REJECTS_LATER_SYSTEM };

struct way {
	const char *body;              /* members of a Messages request behind model and max_tokens */
	const char *expected;          /* what is written behind model and max_tokens */
	const struct model_rules *rules;
	bool foreign;                  /* as if it had been read in another dialect */
	uint64_t lossy;
};

struct written {
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

/* Reads `body`; written() then writes it with what the test has changed. */
static void opened(struct written *w, enum operation op, const char *body)
{
	memset(w, 0, sizeof(*w));
	if (!request_read(&w->q, &dialect_anthropic, op, body))
		fail_msg("%s: %s", body, w->q.failure.message);
	if (!dialect_anthropic.read_chat(&w->q.facts, op, &w->q.arena, &w->chat, &w->q.failure))
		fail_msg("%s: %s", body, w->q.failure.message);
	names_init(&w->names, &w->q.arena);
	buf_init(&w->out, 1 << 20);
	w->target = (struct chat_target){ .operation = op, .model = SLICE("own"), .provider = SLICE("anthropic"),
					  .rules = &unknown, .stream = w->q.facts.stream, .names = &w->names,
					  .rewritten_lossy = &w->lossy };
}

static void write_it(struct written *w)
{
	w->chat.fields = chat_fields(&w->chat);
	w->target.carried = field_judge(&w->chat, dialect_anthropic.fields, DIALECT_ANTHROPIC, w->target.rules,
					w->target.quirks).carried;
	w->ok = dialect_anthropic.write_chat(&w->chat, &w->target, &w->q.arena, &w->out, &w->q.failure);
}

static bool is_refused(struct written *w, uint64_t field)
{
	w->chat.fields = chat_fields(&w->chat);
	return field_judge(&w->chat, dialect_anthropic.fields, DIALECT_ANTHROPIC, w->target.rules, w->target.quirks).refused == field;
}

static void assert_written(struct written *w, const char *expected)
{
	if (!w->ok)
		fail_msg("%s", w->q.failure.message);
	assert_slice(buf_slice(&w->out), expected);
}

#define HEAD "{\"model\":\"own\",\"max_tokens\":2000,"

static void check_way(const struct way *way)
{
	struct written w;
	char body[4096], expected[4096];

	snprintf(body, sizeof(body), "{\"model\":\"m\",\"max_tokens\":2000,%s}", way->body);
	snprintf(expected, sizeof(expected), HEAD "%s}", way->expected ? way->expected : way->body);
	opened(&w, OPERATION_CHAT, body);
	if (way->foreign)
		w.chat.dialect = DIALECT_OPENAI_CHAT;
	if (way->rules)
		w.target.rules = way->rules;
	write_it(&w);
	assert_written(&w, expected);
	assert_int_equal(w.lossy, way->lossy);
	written_done(&w);
}

#define USER(content) "{\"role\":\"user\",\"content\":[" content "]}"
#define ASSISTANT(content) "{\"role\":\"assistant\",\"content\":[" content "]}"
#define TEXT(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define HI "\"messages\":[" USER(TEXT("Hi")) "]"

/* NULL as expectation: as it was. */
static void test_own_requests_keep_everything(void **state)
{
	static const struct way ways[] = {
		{ HI },
		{ "\"stream\":true,\"service_tier\":\"standard_only\",\"metadata\":{\"user_id\":\"u\",\"x\":1},\"temperature\":0.70,"
		  "\"top_p\":0.9,\"top_k\":5,\"stop_sequences\":[\"END\"]," HI },
		{ "\"system\":\"Be brief\"," HI },
		{ "\"system\":[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}},"
		  TEXT("b") "]," HI },
		{ "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}," HI },
		{ "\"thinking\":{\"type\":\"adaptive\",\"display\":\"omitted\"},\"output_config\":{\"effort\":\"high\"}," HI },
		{ "\"thinking\":{\"type\":\"disabled\"}," HI },
		{ "\"thinking\":{\"type\":\"between_tools\"}," HI },
		{ "\"thinking\":{\"type\":\"adaptive\",\"block_binding\":{\"prefix_mismatch_behavior\":\"drop_block\"}}," HI },
		{ "\"output_config\":{\"effort\":\"low\",\"task_budget\":{\"type\":\"tokens\",\"total\":9}}," HI },
		{ "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\",\"properties\":{},"
		  "\"required\":[],\"additionalProperties\":false}}}," HI },
		{ "\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"input_schema\":{\"type\":\"object\"},\"defer_loading\":true,"
		  "\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"web_search_20260318\",\"name\":\"web_search\",\"max_uses\":3},"
		  "{\"type\":\"bash_20250124\",\"name\":\"bash\"}],\"tool_choice\":{\"type\":\"any\","
		  "\"disable_parallel_tool_use\":true}," HI },
		{ "\"container\":\"c_1\",\"context_management\":{\"edits\":[]},\"mcp_servers\":[{\"url\":\"u\"}],\"inference_geo\":\"us\"," HI },
		{ HI ",\"cache_control\":{\"type\":\"ephemeral\"}" },
		{ "\"messages\":[" USER("{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AA==\"},"
					"\"transformations\":{\"oversized_image\":\"error\"}},"
					"{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/y\"}},"
					"{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"},"
					"\"cache_control\":{\"type\":\"ephemeral\"}}") "]" },
		{ "\"messages\":[" USER("{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"t\"},"
					"\"title\":\"T\",\"context\":\"C\",\"citations\":{\"enabled\":true}},"
					"{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":[" TEXT("a") "]}},"
					"{\"type\":\"search_result\",\"source\":\"s\",\"title\":\"t\",\"content\":[" TEXT("a") "]}") "]" },
		{ "\"messages\":[" USER(TEXT("q")) ","
		  ASSISTANT("{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"Eq\"},{\"type\":\"redacted_thinking\",\"data\":\"zz\"},"
			    "{\"type\":\"text\",\"text\":\"a\",\"citations\":[{\"type\":\"x\"}]},"
			    "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}},"
			    "{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s\",\"content\":[],\"cache_control\":{\"type\":\"ephemeral\"}},"
			    "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\",\"input\":{\"a\": 1},\"caller\":{\"type\":\"direct\"}}") ","
		  USER("{\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"content\":[" TEXT("r") ",{\"type\":\"image\",\"source\":"
		       "{\"type\":\"url\",\"url\":\"https://x\"}},{\"type\":\"tool_reference\",\"tool_name\":\"g\"}],\"is_error\":true,"
		       "\"toolset_name\":\"browser\"}," TEXT("go on")) "]" },
		{ "\"messages\":[" USER(TEXT("a")) ",{\"role\":\"system\",\"content\":[" TEXT("s") "],\"clear_at\":\"x\"}]" },
	};

	for (size_t i = 0; i < COUNT_OF(ways); i++)
		check_way(&ways[i]);
}

static void test_turns_alternate(void **state)
{
	struct written w;

	opened(&w, OPERATION_CHAT, "{\"model\":\"m\",\"max_tokens\":2000,\"messages\":[" USER(TEXT("a")) "," USER(TEXT("b")) ","
	       ASSISTANT("{\"type\":\"tool_use\",\"id\":\"x1\",\"name\":\"f\",\"input\":{}}") ","
	       "{\"role\":\"user\",\"content\":\"later\"},"
	       USER("{\"type\":\"tool_result\",\"tool_use_id\":\"x1\",\"content\":\"r\"}," TEXT(" \\n")) "]}");
	w.chat.dialect = DIALECT_OPENAI_CHAT;
	write_it(&w);
	assert_written(&w, HEAD "\"messages\":[" USER(TEXT("a") "," TEXT("b")) ","
		       ASSISTANT("{\"type\":\"tool_use\",\"id\":\"x1\",\"name\":\"f\",\"input\":{}}") ","
		       USER("{\"type\":\"tool_result\",\"tool_use_id\":\"x1\",\"content\":\"r\"}," TEXT("later")) "]}");
	written_done(&w);
}

static void test_system_text(void **state)
{
	static const struct way ways[] = {
		/* after the user's turn, where the model knows it */
		{ "\"messages\":[" USER(TEXT("a")) "," ASSISTANT(TEXT("b")) ",{\"role\":\"system\",\"content\":\"s\"}," USER(TEXT("c")) "]",
		  "\"messages\":[" USER(TEXT("a")) "," ASSISTANT(TEXT("b")) "," USER(TEXT("c")) ",{\"role\":\"system\",\"content\":[" TEXT("s") "]}]",
		  NULL, true },
		/* with no user's turn beside it, or where the model does not know it */
		{ "\"messages\":[" USER(TEXT("a")) "," ASSISTANT(TEXT("b")) ",{\"role\":\"system\",\"content\":\"s\"}]",
		  "\"messages\":[" USER(TEXT("a")) "," ASSISTANT(TEXT("b")) "," USER(TEXT("<system-reminder>\\ns\\n</system-reminder>")) "]",
		  NULL, true },
		{ "\"messages\":[" USER(TEXT("a")) ",{\"role\":\"system\",\"content\":\"s\"}]",
		  "\"messages\":[" USER(TEXT("a") "," TEXT("<system-reminder>\\ns\\n</system-reminder>")) "]", &no_later_system, true },
		/* nobody has spoken yet */
		{ "\"messages\":[{\"role\":\"system\",\"content\":\"s\"}]",
		  "\"system\":\"s\",\"messages\":[" USER(TEXT("Begin.")) "]", NULL, true },
		{ "\"messages\":[{\"role\":\"system\",\"content\":\"s\"}," ASSISTANT(TEXT("a")) "," USER(TEXT("b")) "]",
		  "\"system\":\"s\",\"messages\":[" USER(TEXT("Begin.")) "," ASSISTANT(TEXT("a")) "," USER(TEXT("b")) "]", NULL, true },
		/* an answer that was begun does not end in white space */
		{ "\"messages\":[" USER(TEXT("a")) "," ASSISTANT(TEXT("b \\n")) "]",
		  "\"messages\":[" USER(TEXT("a")) "," ASSISTANT(TEXT("b")) "]", NULL, true },
	};

	for (size_t i = 0; i < COUNT_OF(ways); i++)
		check_way(&ways[i]);
}

static void test_reasoning(void **state)
{
	static const struct way ways[] = {
		{ "\"output_config\":{\"effort\":\"max\"}," HI, "\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"max\"}," HI,
		  &adaptive, true },
		{ "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}," HI,
		  "\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"low\"}," HI, &adaptive, true },
		{ "\"thinking\":{\"type\":\"disabled\"},\"output_config\":{\"effort\":\"max\"}," HI,
		  "\"thinking\":{\"type\":\"disabled\"},\"output_config\":{\"effort\":\"high\"}," HI, &adaptive, true, FIELD_REASONING },
		{ "\"thinking\":{\"type\":\"disabled\"}," HI, "\"output_config\":{\"effort\":\"low\"}," HI, &always_on, true, FIELD_REASONING },
		{ "\"output_config\":{\"effort\":\"high\"}," HI, "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1200}," HI, &budget, true },
		{ "\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"}," HI,
		  "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}," HI, &budget, true },
		{ "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":5000}," HI,
		  "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1799}," HI, &budget, true, FIELD_REASONING },
	};

	for (size_t i = 0; i < COUNT_OF(ways); i++)
		check_way(&ways[i]);
}

/* A call that another provider made cannot be shown with its thinking. */
static void test_no_thinking_in_the_middle_of_a_loop(void **state)
{
#define CALL "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}"
#define RESULT USER("{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":\"r\"}")
#define THOUGHT "{\"type\":\"thinking\",\"thinking\":\"h\",\"signature\":\"Sig\"},"
#define BUDGET "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024},"
	static const struct way ways[] = {
		{ BUDGET "\"messages\":[" USER(TEXT("a")) "," ASSISTANT(CALL) "," RESULT "]",
		  "\"messages\":[" USER(TEXT("a")) "," ASSISTANT(CALL) "," RESULT "]", &budget, false, FIELD_REASONING },
		{ BUDGET "\"messages\":[" USER(TEXT("a")) "," ASSISTANT(THOUGHT CALL) "," RESULT "]", NULL, &budget, false },
		{ BUDGET "\"messages\":[" USER(TEXT("a")) "," ASSISTANT(CALL) "," RESULT "," ASSISTANT(TEXT("b")) "," USER(TEXT("c")) "]",
		  NULL, &budget, false },
	};

	for (size_t i = 0; i < COUNT_OF(ways); i++)
		check_way(&ways[i]);
}

static void test_thinking_stays_at_home(void **state)
{
	struct written w;
	struct slice wrapped, elsewhere;

	opened(&w, OPERATION_CHAT, "{\"model\":\"m\",\"max_tokens\":2000,\"messages\":[" USER(TEXT("a")) ","
	       ASSISTANT(TEXT("b") ",{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"s\"}") "," USER(TEXT("c")) "]}");
	struct part *thinking = w.chat.turns->next->parts->next;
	wrapped = state_wrap(SLICE("Sig"), SLICE("anthropic"), DIALECT_ANTHROPIC, &w.q.arena);
	elsewhere = state_wrap(SLICE("Sig"), SLICE("bedrock"), DIALECT_ANTHROPIC, &w.q.arena);
	w.chat.dialect = DIALECT_OPENAI_CHAT;
	thinking->state = state_read(wrapped, DIALECT_OPENAI_CHAT, &w.q.arena);
	write_it(&w);
	/* it comes first, whatever its reader did */
	assert_written(&w, HEAD "\"messages\":[" USER(TEXT("a")) ","
		       ASSISTANT("{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"Sig\"}," TEXT("b")) "," USER(TEXT("c")) "]}");
	/* of a text that was omitted, through a dialect that takes it for redacted; and of what is so indeed */
	buf_clear(&w.out);
	thinking->text = SLICE("");
	thinking->redacted = true;
	write_it(&w);
	assert_written(&w, HEAD "\"messages\":[" USER(TEXT("a")) ","
		       ASSISTANT("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"Sig\"}," TEXT("b")) "," USER(TEXT("c")) "]}");
	buf_clear(&w.out);
	thinking->state.payload = SLICE("!data");
	thinking->redacted = false;
	write_it(&w);
	assert_written(&w, HEAD "\"messages\":[" USER(TEXT("a")) ","
		       ASSISTANT("{\"type\":\"redacted_thinking\",\"data\":\"data\"}," TEXT("b")) "," USER(TEXT("c")) "]}");
	buf_clear(&w.out);
	thinking->state = state_read(elsewhere, DIALECT_OPENAI_CHAT, &w.q.arena);
	write_it(&w);
	assert_written(&w, HEAD "\"messages\":[" USER(TEXT("a")) "," ASSISTANT(TEXT("b")) "," USER(TEXT("c")) "]}");
	written_done(&w);
}

#define EMPTY "{\"type\":\"object\",\"properties\":{}}"
#define SCHEMA "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],\"additionalProperties\":false}"
#define FORMAT "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":" SCHEMA "}},"
#define ANSWER_TOOL "{\"name\":\"json_output\",\"description\":\"Gives the answer. Call it once, with the whole answer as its input.\"," \
	"\"input_schema\":" SCHEMA "}"

static void test_structured_output(void **state)
{
	static const struct way ways[] = {
		{ FORMAT HI, "\"tools\":[" ANSWER_TOOL "],\"tool_choice\":{\"type\":\"tool\",\"name\":\"json_output\","
		  "\"disable_parallel_tool_use\":true}," HI, &no_schema, true },
		{ FORMAT "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}]," HI,
		  "\"tools\":[{\"name\":\"f\",\"input_schema\":" EMPTY "}," ANSWER_TOOL "],\"tool_choice\":{\"type\":\"any\","
		  "\"disable_parallel_tool_use\":true}," HI, &no_schema, true },
		/* older models do not think when they must call */
		{ FORMAT "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}," HI, "\"tools\":[" ANSWER_TOOL "],\"tool_choice\":"
		  "{\"type\":\"tool\",\"name\":\"json_output\",\"disable_parallel_tool_use\":true}," HI, &budget, true, FIELD_REASONING },
	};
	struct written w;

	for (size_t i = 0; i < COUNT_OF(ways); i++)
		check_way(&ways[i]);
	opened(&w, OPERATION_CHAT, "{\"model\":\"m\",\"max_tokens\":9," FORMAT HI "}");
	w.target.rules = &always_on;
	assert_true(is_refused(&w, FIELD_FORMAT_SCHEMA));
	w.chat.format = (struct output_format){ .kind = FORMAT_JSON };
	w.chat.dialect = DIALECT_OPENAI_CHAT;
	w.target.rules = &unknown;
	write_it(&w);
	assert_written(&w, "{\"model\":\"own\",\"max_tokens\":9,\"system\":[" TEXT("Answer with one JSON object and nothing else: no words "
		       "around it, no code fence.") "]," HI "}");
	assert_int_equal(w.lossy, FIELD_FORMAT_JSON);
	written_done(&w);
}

#define MARKED(text, ttl) "{\"type\":\"text\",\"text\":\"" text "\",\"cache_control\":{\"type\":\"ephemeral\"" ttl "}}"
#define HOUR ",\"ttl\":\"1h\""

static void test_markers(void **state)
{
	static const struct way ways[] = {
		/* the last four; after a short one no long one */
		{ "\"messages\":[" USER(MARKED("a", HOUR) "," MARKED("b", HOUR) "," MARKED("c", "") "," MARKED("d", HOUR) "," MARKED("e", "")) "]",
		  "\"messages\":[" USER(TEXT("a") "," MARKED("b", HOUR) "," MARKED("c", "") "," MARKED("d", "") "," MARKED("e", "")) "]",
		  NULL, true, FIELD_CACHE_MARKS },
	};

	check_way(&ways[0]);
}

static void test_numbers_and_words(void **state)
{
	struct written w;

	opened(&w, OPERATION_CHAT, "{\"model\":\"m\",\"max_tokens\":99999,\"temperature\":1.7,\"service_tier\":\"standard_only\"," HI "}");
	w.target.max_output = 64000;
	w.chat.service_tier = SLICE("flex");
	w.chat.dialect = DIALECT_OPENAI_CHAT;
	write_it(&w);
	assert_written(&w, "{\"model\":\"own\",\"max_tokens\":64000,\"temperature\":1," HI "}");
	assert_int_equal(w.lossy, FIELD_MAX_OUTPUT | FIELD_TEMPERATURE | FIELD_SERVICE_TIER);
	/* required, even where nobody said it */
	buf_clear(&w.out);
	w.chat.max_output = -1;
	w.chat.temperature.said = false;
	write_it(&w);
	assert_written(&w, "{\"model\":\"own\",\"max_tokens\":64000," HI "}");
	/* a stop sequence that cannot be said */
	w.chat.stops = (struct slice[]){ SLICE("\n") };
	w.chat.stop_count = 1;
	assert_true(is_refused(&w, FIELD_STOP));
	written_done(&w);
}

static void test_arguments_are_objects(void **state)
{
	static const struct { const char *arguments, *input; } rows[] = {
		{ "{\"a\":1}", "{\"a\":1}" }, { "", "{}" }, { "{\"a\":", "{\"_raw\":\"{\\\"a\\\":\"}" }, { "[1]", "{\"_raw\":\"[1]\"}" },
	};
	char expected[1024];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct written w;
		opened(&w, OPERATION_CHAT, "{\"model\":\"m\",\"max_tokens\":2000,\"messages\":[" USER(TEXT("a")) ","
		       ASSISTANT("{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}") ","
		       USER("{\"type\":\"tool_result\",\"tool_use_id\":\"t\"}") "]}");
		w.chat.dialect = DIALECT_OPENAI_CHAT;
		w.chat.turns->next->parts->call->arguments = slice_cstr(rows[i].arguments);
		write_it(&w);
		snprintf(expected, sizeof(expected), HEAD "\"messages\":[" USER(TEXT("a")) ","
			 ASSISTANT("{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":%s}") ","
			 USER("{\"type\":\"tool_result\",\"tool_use_id\":\"t\"}") "]}", rows[i].input);
		assert_written(&w, expected);
		written_done(&w);
	}
}

static void test_media(void **state)
{
	struct written w;

	opened(&w, OPERATION_CHAT, "{\"model\":\"m\",\"max_tokens\":2000,\"messages\":[" USER("{\"type\":\"document\",\"source\":"
	       "{\"type\":\"base64\",\"media_type\":\"text/csv\",\"data\":\"YSxi\"},\"title\":\"t.csv\"}") "]}");
	w.chat.dialect = DIALECT_OPENAI_CHAT;
	write_it(&w);
	assert_written(&w, HEAD "\"messages\":[" USER("{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\","
		       "\"data\":\"a,b\"},\"title\":\"t.csv\"}") "]}");
	w.chat.turns->parts->media->mime = SLICE("application/zip");
	write_it(&w);
	assert_false(w.ok);
	buf_clear(&w.out);
	w.chat.turns->parts->kind = PART_IMAGE;
	*w.chat.turns->parts->media = (struct media){ .source = MEDIA_DATA, .value = SLICE("AA=="), .mime = SLICE("image/heic") };
	write_it(&w);
	assert_false(w.ok);
	buf_clear(&w.out);
	*w.chat.turns->parts->media = (struct media){ .source = MEDIA_URL, .value = SLICE("gs://b/o") };
	write_it(&w);
	assert_false(w.ok);
	/* a picture in an answer goes in front of what the user says next */
	buf_clear(&w.out);
	w.chat.turns->parts->media->value = SLICE("https://x/i.png");
	w.chat.turns->role = ROLE_ASSISTANT;
	turn_add_text(chat_add_turn(&w.chat, &w.q.arena, ROLE_USER), &w.q.arena, SLICE("c"));
	write_it(&w);
	assert_written(&w, HEAD "\"messages\":[" USER("{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/i.png\"}},"
		       TEXT("c")) "]}");
	written_done(&w);
}

static void test_allowed_tools_and_foreign_search(void **state)
{
	struct written w;

	opened(&w, OPERATION_CHAT, "{\"model\":\"m\",\"max_tokens\":2000,\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}},"
	       "{\"name\":\"g\"},{\"type\":\"web_search_20260318\",\"name\":\"web_search\",\"max_uses\":3}]," HI "}");
	w.chat.dialect = DIALECT_OPENAI_CHAT;
	w.chat.choice.mode = CHOICE_AUTO;
	w.chat.choice.allowed = (struct slice[]){ SLICE("g"), SLICE("web_search") };
	w.chat.choice.allowed_count = 2;
	write_it(&w);
	assert_written(&w, HEAD "\"tools\":[{\"name\":\"g\",\"input_schema\":" EMPTY "},{\"type\":\"web_search_20250305\","
		       "\"name\":\"web_search\"}],\"tool_choice\":{\"type\":\"auto\"}," HI "}");
	written_done(&w);
}

/* As Codex has them: free text by a grammar. */
static void test_custom_tools(void **state)
{
	struct written w;
	struct json_doc grammar;
	struct json_error error;

	opened(&w, OPERATION_CHAT, "{\"model\":\"m\",\"max_tokens\":2000,\"tools\":[{\"name\":\"patch\"}],\"messages\":[" USER(TEXT("a")) ","
	       ASSISTANT("{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"patch\",\"input\":{}}") ","
	       USER("{\"type\":\"tool_result\",\"tool_use_id\":\"t\"}") "]}");
	w.chat.dialect = DIALECT_OPENAI_RESPONSES;
	w.chat.tools->kind = TOOL_CUSTOM;
	w.chat.tools->description = SLICE("Patches.");
	assert_true(json_parse(&w.q.arena, SLICE("{\"type\":\"grammar\",\"syntax\":\"lark\",\"definition\":\"start: X\"}"), &grammar, &error));
	w.chat.tools->grammar = json_root(&grammar);
	w.chat.turns->next->parts->call->custom = true;
	w.chat.turns->next->parts->call->arguments = SLICE("*** Begin\n");
	write_it(&w);
	assert_written(&w, HEAD "\"tools\":[{\"name\":\"patch\",\"description\":\"Patches.\\n\\nThe input must follow this grammar (lark):\\n"
		       "start: X\",\"input_schema\":" CUSTOM_INPUT_SCHEMA "}],\"messages\":[" USER(TEXT("a")) ","
		       ASSISTANT("{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"patch\",\"input\":{\"input\":\"*** Begin\\n\"}}") ","
		       USER("{\"type\":\"tool_result\",\"tool_use_id\":\"t\"}") "]}");
	assert_int_equal(w.lossy, FIELD_CUSTOM_TOOLS);
	assert_true(names_is_custom(&w.names, SLICE("patch")));
	written_done(&w);
}

static void test_vertex(void **state)
{
	struct written w;
	struct request q = { 0 };
	struct request_edits want = { .model = SLICE("c@1"), .quirks = QUIRK_VERTEX_PATH };
	struct splice splice;
	const char *body = "{\"model\":\"m\",\"max_tokens\":9," HI "}";

	opened(&w, OPERATION_CHAT, body);
	w.target.quirks = QUIRK_VERTEX_PATH;
	write_it(&w);
	assert_written(&w, "{\"anthropic_version\":\"vertex-2023-10-16\",\"max_tokens\":9," HI "}");
	written_done(&w);
	opened(&w, OPERATION_COUNT_TOKENS, body);
	w.target.quirks = QUIRK_VERTEX_PATH;
	write_it(&w);
	assert_written(&w, "{\"anthropic_version\":\"vertex-2023-10-16\",\"model\":\"own\"," HI "}");
	written_done(&w);

	assert_true(request_read(&q, &dialect_anthropic, OPERATION_CHAT, body));
	splice_init(&splice, q.facts.doc.text);
	assert_true(dialect_anthropic.edit_request(&q.facts, OPERATION_CHAT, &want, &splice, &q.arena));
	assert_slice(splice_flatten(&splice, &q.arena), "{\"max_tokens\":9," HI ",\"anthropic_version\":\"vertex-2023-10-16\"}");
	splice_init(&splice, q.facts.doc.text);
	assert_true(dialect_anthropic.edit_request(&q.facts, OPERATION_COUNT_TOKENS, &want, &splice, &q.arena));
	assert_slice(splice_flatten(&splice, &q.arena), "{\"model\":\"c@1\",\"max_tokens\":9," HI
		     ",\"anthropic_version\":\"vertex-2023-10-16\"}");
	struct request_route route = { .operation = OPERATION_CHAT, .model = SLICE("c@1 x"), .quirks = QUIRK_VERTEX_PATH, .query = SLICE("beta=true") };
	assert_slice(dialect_anthropic.request_path(&route, &q.arena), "/publishers/anthropic/models/c@1%20x:rawPredict");
	route.stream = true;
	assert_slice(dialect_anthropic.request_path(&route, &q.arena), "/publishers/anthropic/models/c@1%20x:streamRawPredict");
	route.operation = OPERATION_COUNT_TOKENS;
	assert_slice(dialect_anthropic.request_path(&route, &q.arena), "/publishers/anthropic/models/count-tokens:rawPredict");
	arena_done(&q.arena);
}

static void test_counts(void **state)
{
	struct written w;

	opened(&w, OPERATION_COUNT_TOKENS, "{\"model\":\"m\",\"system\":\"s\",\"diagnostics\":{\"a\":1},\"speed\":\"fast\"," HI "}");
	write_it(&w);
	assert_written(&w, "{\"model\":\"own\",\"system\":\"s\",\"speed\":\"fast\"," HI "}");
	buf_clear(&w.out);
	dialect_anthropic.write_count(12, true, &w.out);
	assert_slice(buf_slice(&w.out), "{\"input_tokens\":12}");
	written_done(&w);
}

/* Cached prefixes and signed reasoning hang on it. */
static void test_a_grown_conversation_begins_the_same(void **state)
{
	struct written w, grown;

	opened(&w, OPERATION_CHAT, "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[" USER(TEXT("a")) ",{\"role\":\"system\",\"content\":\"s\"}]}");
	opened(&grown, OPERATION_CHAT, "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[" USER(TEXT("a")) ",{\"role\":\"system\",\"content\":\"s\"},"
	       ASSISTANT(TEXT("b")) "," USER(TEXT("c")) "]}");
	w.chat.dialect = grown.chat.dialect = DIALECT_OPENAI_CHAT;
	w.target.rules = grown.target.rules = &no_later_system;
	write_it(&w);
	write_it(&grown);
	struct slice before = buf_slice(&w.out);
	before.len -= 2; /* "]}" */
	assert_true(slice_starts_with(buf_slice(&grown.out), before));
	written_done(&w);
	written_done(&grown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_requests_keep_everything),
		cmocka_unit_test(test_turns_alternate),
		cmocka_unit_test(test_system_text),
		cmocka_unit_test(test_reasoning),
		cmocka_unit_test(test_thinking_stays_at_home),
		cmocka_unit_test(test_no_thinking_in_the_middle_of_a_loop),
		cmocka_unit_test(test_structured_output),
		cmocka_unit_test(test_markers),
		cmocka_unit_test(test_numbers_and_words),
		cmocka_unit_test(test_arguments_are_objects),
		cmocka_unit_test(test_media),
		cmocka_unit_test(test_allowed_tools_and_foreign_search),
		cmocka_unit_test(test_custom_tools),
		cmocka_unit_test(test_vertex),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_a_grown_conversation_begins_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
