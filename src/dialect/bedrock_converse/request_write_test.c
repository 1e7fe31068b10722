/* SPDX-License-Identifier: Apache-2.0 */
/* Converse requests through the hub and out again: own ones keep their meaning, foreign ones are told in this dialect's
 * words; and what routing needs of them. */
#include "dialect/dialect_test.h"

#include "llm/field.h"
#include "llm/state.h"

enum { EFFORTS = EFFORT_LOW | EFFORT_MEDIUM | EFFORT_HIGH | EFFORT_XHIGH | EFFORT_MAX };

static const struct model_rules unknown,
	adaptive = { .reasoning = REASONING_ADAPTIVE, .efforts = EFFORTS, .cache_marks = CACHE_MARKS_POINT },
	budget = { .reasoning = REASONING_BUDGET, .budget_min = 1024, .cache_marks = CACHE_MARKS_POINT, .rejects = REJECTS_SCHEMA },
	efforts = { .reasoning = REASONING_EFFORT, .efforts = EFFORT_LOW | EFFORT_MEDIUM | EFFORT_HIGH },
	toggle = { .reasoning = REASONING_TOGGLE }, points = { .cache_marks = CACHE_MARKS_POINT },
	replays = { .reasoning = REASONING_ALWAYS, .replay = REPLAY_CONTENT };

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

static void opened(struct written *w, const struct dialect *from, enum operation op, const char *body)
{
	memset(w, 0, sizeof(*w));
	if (!request_read(&w->q, from, op, body))
		fail_msg("%s: %s", body, w->q.failure.message);
	if (!from->read_chat(&w->q.facts, op, &w->q.arena, &w->chat, &w->q.failure))
		fail_msg("%s: %s", body, w->q.failure.message);
	names_init(&w->names, &w->q.arena);
	buf_init(&w->out, 1 << 20);
	w->target = (struct chat_target){ .operation = op, .model = SLICE("own"), .provider = SLICE("bedrock"),
					  .rules = &unknown, .stream = w->q.facts.stream, .names = &w->names,
					  .rewritten_lossy = &w->lossy };
}

static void write_it(struct written *w)
{
	struct field_verdict v = field_judge(&w->chat, dialect_bedrock.fields, DIALECT_BEDROCK, w->target.rules, w->target.quirks);

	w->target.carried = v.carried;
	w->ok = dialect_bedrock.write_chat(&w->chat, &w->target, &w->q.arena, &w->out, &w->q.failure);
}

static void assert_written(struct written *w, const char *expected)
{
	if (!w->ok)
		fail_msg("%s", w->q.failure.message);
	assert_slice(buf_slice(&w->out), expected);
	written_done(w);
}

/* ---- own ---- */

#define USER(content) "{\"role\":\"user\",\"content\":[" content "]}"
#define ASSISTANT(content) "{\"role\":\"assistant\",\"content\":[" content "]}"
#define TEXT(text) "{\"text\":\"" text "\"}"
#define HI "\"messages\":[" USER(TEXT("Hi")) "]"
#define POINT "{\"cachePoint\":{\"type\":\"default\"}}"
#define LONG_POINT "{\"cachePoint\":{\"type\":\"default\",\"ttl\":\"1h\"}}"
#define TOOL(name) "{\"toolSpec\":{\"name\":\"" name "\",\"inputSchema\":{\"json\":{\"type\":\"object\"}}}}"

/* All members that the service model has, in the order in which they are written. */
static void test_own_requests_keep_everything(void **state)
{
	static const char *const bodies[] = {
		HI,
		"\"inferenceConfig\":{\"maxTokens\":9,\"temperature\":0.70,\"topP\":0.9,\"stopSequences\":[\"END\"],\"x\":1},"
		"\"serviceTier\":{\"type\":\"flex\"},\"requestMetadata\":{\"a\":\"b\"}," HI,
		"\"additionalModelRequestFields\":{\"top_k\":5,\"inferenceConfig\":{\"topK\":10}}," HI,
		"\"outputConfig\":{\"textFormat\":{\"type\":\"json_schema\",\"structure\":{\"jsonSchema\":{\"schema\":\"{\\\"type\\\": \\\"object\\\"}\","
		"\"name\":\"n\",\"description\":\"d\"}}},\"effort\":\"high\",\"y\":2}," HI,
		"\"system\":[" TEXT("Be brief") "," LONG_POINT ",{\"guardContent\":{\"text\":{\"text\":\"g\"}}}]," HI,
		"\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\","
			"\"description\":\"d\",\"strict\":true,\"inputSchema\":{\"json\":{\"type\":\"object\"}}}},"
		POINT ",{\"systemTool\":{\"name\":\"nova_grounding\"}}],\"toolChoice\":{\"tool\":{\"name\":\"f\"}}}," HI,
		"\"guardrailConfig\":{\"guardrailIdentifier\":\"i\",\"guardrailVersion\":\"DRAFT\",\"streamProcessingMode\":\"async\"},"
		"\"promptVariables\":{\"a\":{\"text\":\"b\"}},\"additionalModelResponseFieldPaths\":[\"/stop_sequence\"],"
		"\"performanceConfig\":{\"latency\":\"optimized\"},\"brandNew\":{}," HI,
		"\"messages\":[" USER(TEXT("q") "," POINT
				      ",{\"image\":{\"format\":\"png\",\"source\":{\"bytes\":\"AA==\"}}}"
				      ",{\"image\":{\"format\":\"png\",\"source\":{\"s3Location\":{\"uri\":\"s3://b/k\",\"bucketOwner\":\"1\"}}}}"
				      ",{\"document\":{\"format\":\"txt\","
					"\"name\":\"n\",\"source\":{\"content\":[{\"text\":\"a\"},{\"text\":\"b\"}]},\"citations\":{\"enabled\":true}}}"
				      ",{\"video\":{\"format\":\"three_gp\",\"source\":{\"bytes\":\"AA==\"}}}"
				      ",{\"audio\":{\"format\":\"mka\",\"source\":{\"bytes\":\"AA==\"}}}"
				      ",{\"searchResult\":{\"source\":\"s\",\"title\":\"t\",\"content\":[{\"text\":\"a\"}]}}"
				      ",{\"guardContent\":{\"text\":{\"text\":\"g\",\"qualifiers\":[\"query\"]}}}"
				      ",{\"toolAddition\":{\"tool\":{\"name\":\"f\"}}}") "]",
		"\"toolConfig\":{\"tools\":[" TOOL("f") "]},\"messages\":[" USER(TEXT("q")) ","
		ASSISTANT("{\"reasoningContent\":{\"reasoningText\":{\"text\":\"hm\",\"signature\":\"Eq\"}}}"
			  ",{\"reasoningContent\":{\"redactedContent\":\"zz==\"}}"
			  ",{\"citationsContent\":{\"content\":[{\"text\":\"a\"}],\"citations\":[{\"title\":\"t\"}]}}"
			  ",{\"toolUse\":{\"toolUseId\":\"s\",\"name\":\"nova_grounding\",\"input\":{},\"type\":\"server_tool_use\"}}"
			  ",{\"toolResult\":{\"toolUseId\":\"s\",\"content\":[],\"type\":\"nova_grounding_result\"}}"
			  ",{\"toolUse\":{\"toolUseId\":\"t1\",\"name\":\"f\",\"input\":{\"a\": 1}}}") ","
		USER("{\"toolResult\":{\"toolUseId\":\"t1\",\"content\":[{\"json\":{\"r\":1}},{\"text\":\"x\"},"
		     "{\"video\":{\"format\":\"mp4\",\"source\":{\"s3Location\":{\"uri\":\"s3://b/v\"}}}}],\"status\":\"error\"}}," POINT ","
		  TEXT("go on")) "]",
		"\"messages\":[" USER(TEXT("a")) ",{\"role\":\"system\",\"content\":[" TEXT("s") "],\"newer\":\"x\"}]",
	};

	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct written w;
		char body[4096];

		snprintf(body, sizeof(body), "{%s}", bodies[i]);
		opened(&w, &dialect_bedrock, OPERATION_CHAT, body);
		write_it(&w);
		assert_int_equal(w.lossy, 0);
		assert_written(&w, body);
	}
}

struct way { const char *body, *expected; const struct model_rules *rules; uint64_t lossy; };

static void check_ways(const struct dialect *from, const struct way *ways, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct written w;

		opened(&w, from, OPERATION_CHAT, ways[i].body);
		if (ways[i].rules)
			w.target.rules = ways[i].rules;
		write_it(&w);
		if (w.lossy != ways[i].lossy)
			fail_msg("%s: lost %.*s", ways[i].body, SLICE_ARG(field_list(w.lossy, &w.q.arena)));
		assert_written(&w, ways[i].expected);
	}
}

/* What makers call it is read in every form, and written in one. */
static void test_own_reasoning(void **state)
{
	static const struct way ways[] = {
		{ "{\"inferenceConfig\":{\"maxTokens\":4000},\"additionalModelRequestFields\":{\"reasoning_config\":{\"type\":\"enabled\","
			"\"budget_tokens\":2000}}," HI "}",
		  "{\"inferenceConfig\":{\"maxTokens\":4000},\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"enabled\","
			"\"budget_tokens\":2000}}," HI "}", &budget, 0 },
		{ "{\"additionalModelRequestFields\":{\"reasoning_config\":\"high\"}," HI "}",
		  "{\"additionalModelRequestFields\":{\"reasoning_config\":\"high\"}," HI "}", &toggle, 0 },
		{ "{\"additionalModelRequestFields\":{\"reasoningConfig\":{\"type\":\"enabled\",\"maxReasoningEffort\":\"low\"}}," HI "}",
		  "{\"outputConfig\":{\"effort\":\"low\"}," HI "}", &efforts, 0 },
		{ "{\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"adaptive\","
			"\"display\":\"omitted\",\"x\":1},\"output_config\":{\"effort\":\"max\",\"z\":2}}," HI "}",
		  "{\"outputConfig\":{\"effort\":\"max\"},\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"adaptive\","
			"\"display\":\"omitted\",\"x\":1},"
		  "\"output_config\":{\"z\":2}}," HI "}", &adaptive, 0 },
		{ "{\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"disabled\"}}," HI "}",
		  "{\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"disabled\"}}," HI "}", &adaptive, 0 },
		{ "{\"additionalModelRequestFields\":{\"reasoning_effort\":\"medium\"}," HI "}", "{\"outputConfig\":{\"effort\":\"medium\"}," HI "}",
			&efforts, 0 },
	};

	check_ways(&dialect_bedrock, ways, COUNT_OF(ways));
}

/* ---- foreign ---- */

#define MESSAGES(list) "{\"model\":\"m\",\"max_tokens\":2000,\"messages\":[" list "]}"
#define SENT(list) "{\"inferenceConfig\":{\"maxTokens\":2000},\"messages\":[" list "]}"
#define T(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define AM_CALL(id, name) "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name "\",\"input\":{}}"
#define BC_CALL(id, name) "{\"toolUse\":{\"toolUseId\":\"" id "\",\"name\":\"" name "\",\"input\":{}}}"

static void test_conversations(void **state)
{
	static const struct way ways[] = {
		/* later system text, turns of one role, white space at the end of a prefill */
		{ MESSAGES(USER(T("a")) "," USER(T("b")) ",{\"role\":\"system\",\"content\":\"s\"}," ASSISTANT(T("So: "))),
		  SENT(USER(TEXT("a") "," TEXT("b") "," TEXT("<system-reminder>\\ns\\n</system-reminder>")) "," ASSISTANT(TEXT("So:"))), NULL, 0 },
		/* the assistant first, blank texts */
		{ MESSAGES(ASSISTANT(T("a")) "," USER(T(" ") "," T("b"))), SENT(USER(TEXT("Begin.")) "," ASSISTANT(TEXT("a")) "," USER(TEXT("b"))), NULL, 0 },
		/* results in front, with an error, their media inside; the tools that nobody sent */
		{ MESSAGES(USER(T("q")) "," ASSISTANT(AM_CALL("a!", "f") "," AM_CALL("b", "g")) ","
			   USER(T("and") ",{\"type\":\"tool_result\",\"tool_use_id\":\"b\","
				"\"is_error\":true},{\"type\":\"tool_result\",\"tool_use_id\":\"a!\",\"content\":["
				T("r") ",{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/jpeg\",\"data\":\"AA==\"}}]}")),
		  "{\"inferenceConfig\":{\"maxTokens\":2000},\"toolConfig\":{\"tools\":[" TOOL("f") "," TOOL("g") "]},\"messages\":[" USER(TEXT("q")) ","
		  ASSISTANT(BC_CALL("pxlxppzgsofnhoxk5wgc3uwg", "f") "," BC_CALL("b", "g")) ","
		  USER("{\"toolResult\":{\"toolUseId\":\"b\",\"content\":[],"
			"\"status\":\"error\"}},{\"toolResult\":{\"toolUseId\":\"pxlxppzgsofnhoxk5wgc3uwg\",\"content\":["
		       TEXT("r") ",{\"image\":{\"format\":\"jpeg\",\"source\":{\"bytes\":\"AA==\"}}}]}}," TEXT("and")) "]}", NULL, 0 },
		/* documents: names in their alphabet and unique, a text beside them */
		{ MESSAGES(USER("{\"type\":\"document\",\"title\":\"a_b: c.pdf\","
			"\"source\":{\"type\":\"base64\",\"media_type\":\"application/pdf\",\"data\":\"AA==\"}},"
				"{\"type\":\"document\",\"context\":\"C\","
					"\"citations\":{\"enabled\":true},\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"t\"}}")),
		  SENT(USER("{\"document\":{\"format\":\"pdf\",\"name\":\"a-b-c-pdf\",\"source\":{\"bytes\":\"AA==\"}}},"
			    "{\"document\":{\"format\":\"txt\",\"name\":\"document (2)\","
				"\"source\":{\"text\":\"t\"},\"context\":\"C\",\"citations\":{\"enabled\":true}}},"
			    TEXT("(See the document.)"))), NULL, 0 },
	};

	check_ways(&dialect_anthropic, ways, COUNT_OF(ways));
}

static void test_parameters(void **state)
{
#define AM(members) "{\"model\":\"m\",\"max_tokens\":2000," members ",\"messages\":[" USER(T("Hi")) "]}"
#define BC(members) "{\"inferenceConfig\":{\"maxTokens\":2000}," members HI "}"
	static const struct way ways[] = {
		{ AM("\"temperature\":0.5,\"top_p\":0.1,\"top_k\":3,\"stop_sequences\":[\"x\"],\"service_tier\":\"standard_only\""),
		  "{\"inferenceConfig\":{\"maxTokens\":2000,\"temperature\":0.5,\"topP\":0.1,\"stopSequences\":[\"x\"]},\"serviceTier\":{\"type\":\"default\"},"
		  "\"additionalModelRequestFields\":{\"top_k\":3}," HI "}", NULL, 0 },
		{ AM("\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"high\"}"),
		  BC("\"outputConfig\":{\"effort\":\"high\"},\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"adaptive\"}},"), &adaptive, 0 },
		{ AM("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1500}"),
		  BC("\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1500}},"), &budget, 0 },
		{ AM("\"output_config\":{\"effort\":\"max\"}"), BC("\"outputConfig\":{\"effort\":\"high\"},"), &efforts, FIELD_REASONING },
		{ AM("\"thinking\":{\"type\":\"disabled\"}"), BC(""), &toggle, FIELD_REASONING },
		{ AM("\"output_config\":{\"format\":{\"type\":\"json_schema\","
			"\"schema\":{\"type\":\"object\",\"properties\":{},\"required\":[],\"additionalProperties\":false}}}"),
		  BC("\"outputConfig\":{\"textFormat\":{\"type\":\"json_schema\","
			"\"structure\":{\"jsonSchema\":{\"schema\":\"{\\\"type\\\":\\\"object\\\",\\\"properties\\\":{},"
		     "\\\"required\\\":[],\\\"additionalProperties\\\":false}\"}}}},"), NULL, 0 },
		{ AM("\"output_config\":{\"format\":{\"type\":\"json_schema\","
			"\"schema\":{\"type\":\"object\",\"properties\":{},\"required\":[],\"additionalProperties\":false}}}"),
		  BC("\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"json_output\","
			"\"description\":\"Gives the answer. Call it once, with the whole answer as its input.\","
		     "\"inputSchema\":{\"json\":{\"type\":\"object\",\"properties\":{},\"required\":[],\"additionalProperties\":false}}}}],"
		     "\"toolChoice\":{\"tool\":{\"name\":\"json_output\"}}},"), &budget, 0 },
	};
	static const struct way chat[] = {
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"temperature\":2,\"service_tier\":\"priority\","
		  "\"metadata\":{\"a\":\"b\",\"c\":\"\\u00e9\"},\"response_format\":{\"type\":\"json_object\"}}",
		  "{\"inferenceConfig\":{\"temperature\":1},\"serviceTier\":{\"type\":\"priority\"},\"requestMetadata\":{\"a\":\"b\"},"
		  "\"system\":[{\"text\":\"Answer with one JSON object and nothing else: no words around it, no code fence.\"}]," HI "}",
		  NULL, FIELD_TEMPERATURE | FIELD_METADATA | FIELD_FORMAT_JSON },
	};

	check_ways(&dialect_anthropic, ways, COUNT_OF(ways));
	check_ways(&dialect_openai_chat, chat, COUNT_OF(chat));
}

static void test_tool_choice(void **state)
{
#define ASKED(choice) AM("\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}],\"tool_choice\":" choice)
#define TOLD(choice) BC("\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\"," \
	"\"inputSchema\":{\"json\":{\"type\":\"object\",\"properties\":{}}}}}]" choice "},")
	static const struct way ways[] = {
		{ ASKED("{\"type\":\"auto\"}"), TOLD(",\"toolChoice\":{\"auto\":{}}"), NULL, 0 },
		{ ASKED("{\"type\":\"any\"}"), TOLD(",\"toolChoice\":{\"any\":{}}"), NULL, 0 },
		{ ASKED("{\"type\":\"tool\",\"name\":\"f\"}"), TOLD(",\"toolChoice\":{\"tool\":{\"name\":\"f\"}}"), NULL, 0 },
		/* no calls in the history: no tools */
		{ ASKED("{\"type\":\"none\"}"), BC(""), NULL, 0 },
		/* calls in the history: in words */
		{ "{\"model\":\"m\",\"max_tokens\":2000,\"tools\":[{\"name\":\"f\","
			"\"input_schema\":{\"type\":\"object\",\"properties\":{}}}],\"tool_choice\":{\"type\":\"none\"},"
		  "\"messages\":[" USER(T("q")) "," ASSISTANT(AM_CALL("a", "f")) ","
		  USER("{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":\"r\"}") "]}",
		  "{\"inferenceConfig\":{\"maxTokens\":2000},\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\","
			"\"inputSchema\":{\"json\":{\"type\":\"object\",\"properties\":{}}}}}]},"
		  "\"messages\":[" USER(TEXT("q")) "," ASSISTANT(BC_CALL("a", "f")) ","
		  USER("{\"toolResult\":{\"toolUseId\":\"a\",\"content\":[" TEXT("r") "]}}," TEXT("Answer in words. Do not call any tool.")) "]}",
		  NULL, FIELD_CHOICE_NONE },
	};

	check_ways(&dialect_anthropic, ways, COUNT_OF(ways));
}

#define MARK ",\"cache_control\":{\"type\":\"ephemeral\"}"
#define LONG_MARK ",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}"
#define MT(text, mark) "{\"type\":\"text\",\"text\":\"" text "\"" mark "}"

static void test_cache_points(void **state)
{
	static const struct way ways[] = {
		/* tools, system, messages, the whole: four, the last ones, 1 h only before 5 m */
		{ "{\"model\":\"m\",\"max_tokens\":2000,\"cache_control\":{\"type\":\"ephemeral\"},"
			"\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}" LONG_MARK "}],"
		  "\"system\":[" MT("s", LONG_MARK) "],\"messages\":[" USER(MT("a", MARK)) "," ASSISTANT(MT("b", LONG_MARK)) "," USER(MT("c", "")) "]}",
		  "{\"inferenceConfig\":{\"maxTokens\":2000},\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\","
			"\"inputSchema\":{\"json\":{\"type\":\"object\",\"properties\":{}}}}}]},"
		  "\"system\":[" TEXT("s") "," LONG_POINT "],\"messages\":[" USER(TEXT("a") "," POINT) "," ASSISTANT(TEXT("b") "," POINT) ","
		  USER(TEXT("c") "," POINT) "]}",
		  &points, FIELD_CACHE_MARKS },
		/* a model that knows none */
		{ MESSAGES(USER(MT("a", MARK))), SENT(USER(TEXT("a"))), NULL, FIELD_CACHE_MARKS },
		/* within a result: behind it */
		{ MESSAGES(USER(T("q")) "," ASSISTANT(AM_CALL("a", "f")) "," USER("{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":["
			MT("r", MARK) "]}")),
		  "{\"inferenceConfig\":{\"maxTokens\":2000},\"toolConfig\":{\"tools\":[" TOOL("f") "]},\"messages\":[" USER(TEXT("q")) ","
		  ASSISTANT(BC_CALL("a", "f")) ","
		  USER("{\"toolResult\":{\"toolUseId\":\"a\",\"content\":[" TEXT("r") "]}}," POINT) "]}", &points, 0 },
	};

	check_ways(&dialect_anthropic, ways, COUNT_OF(ways));
}

/* Signed reasoning comes home and goes nowhere else; unsigned goes where nobody signs. */
static void test_reasoning_comes_home(void **state)
{
	struct arena a;
	struct slice here, elsewhere;
	char body[2048];
	struct written w;

	arena_init(&a);
	here = state_wrap(SLICE("Sig"), SLICE("bedrock"), DIALECT_BEDROCK, &a);
	elsewhere = state_wrap(SLICE("Sig"), SLICE("other"), DIALECT_BEDROCK, &a);
	snprintf(body, sizeof(body), MESSAGES(USER(T("q")) "," ASSISTANT("{\"type\":\"thinking\",\"thinking\":\"a\",\"signature\":\"%.*s\"},"
		 "{\"type\":\"redacted_thinking\",\"data\":\"%.*s\"},{\"type\":\"thinking\",\"thinking\":\"b\",\"signature\":\"%.*s\"},"
		 "{\"type\":\"thinking\",\"thinking\":\"c\",\"signature\":\"native\"}," T("x"))), SLICE_ARG(here), SLICE_ARG(here), SLICE_ARG(elsewhere));
	opened(&w, &dialect_anthropic, OPERATION_CHAT, body);
	w.target.rules = &adaptive;
	write_it(&w);
	assert_written(&w, SENT(USER(TEXT("q")) "," ASSISTANT("{\"reasoningContent\":{\"reasoningText\":{\"text\":\"a\",\"signature\":\"Sig\"}}},"
			   "{\"reasoningContent\":{\"redactedContent\":\"Sig\"}}," TEXT("x"))));

	opened(&w, &dialect_bedrock, OPERATION_CHAT, "{\"messages\":[" USER(TEXT("q")) ","
		ASSISTANT("{\"reasoningContent\":{\"reasoningText\":{\"text\":\"a\"}}}," TEXT("x")) "]}");
	w.target.rules = &adaptive;
	write_it(&w);
	assert_written(&w, "{\"messages\":[" USER(TEXT("q")) "," ASSISTANT(TEXT("x")) "]}");
	opened(&w, &dialect_openai_chat, OPERATION_CHAT, "{\"model\":\"m\","
		"\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"x\",\"reasoning_content\":\"a\"}]}");
	w.target.rules = &replays;
	write_it(&w);
	assert_written(&w, "{\"messages\":[" USER(TEXT("q")) "," ASSISTANT("{\"reasoningContent\":{\"reasoningText\":{\"text\":\"a\"}}}," TEXT("x")) "]}");
	arena_done(&a);
}

/* A call made without thinking is answered without it. */
static void test_thinking_waits_for_tools(void **state)
{
	static const struct way ways[] = {
		{ "{\"model\":\"m\",\"max_tokens\":2000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1500},\"messages\":["
		  USER(T("q")) "," ASSISTANT(AM_CALL("a", "f")) "," USER("{\"type\":\"tool_result\",\"tool_use_id\":\"a\"}") "]}",
		  "{\"inferenceConfig\":{\"maxTokens\":2000},\"toolConfig\":{\"tools\":[" TOOL("f") "]},\"messages\":[" USER(TEXT("q")) ","
		  ASSISTANT(BC_CALL("a", "f")) "," USER("{\"toolResult\":{\"toolUseId\":\"a\",\"content\":[]}}") "]}",
		  &budget, FIELD_REASONING },
	};

	check_ways(&dialect_anthropic, ways, COUNT_OF(ways));
}

/* Each field as the table says: what is carried or rewritten is in the request, what is refused or dropped is judged so. */
static void test_fields(void **state)
{
	static const struct { enum field_index field; const char *body, *expected; } cases[] = {
		{ FIELD_INDEX_SYSTEM, ",\"system\":\"S\"", "\"system\":[{\"text\":\"S\"}]" },
		{ FIELD_INDEX_TOOLS, ",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}]", "\"toolSpec\":{\"name\":\"f\"" },
		{ FIELD_INDEX_TOOL_STRICT, ",\"tools\":[{\"name\":\"f\",\"strict\":true,\"input_schema\":{\"type\":\"object\"}}]", "\"strict\":true" },
		{ FIELD_INDEX_TEMPERATURE, ",\"temperature\":0.5", "\"temperature\":0.5" },
		{ FIELD_INDEX_TOP_P, ",\"top_p\":0.5", "\"topP\":0.5" },
		{ FIELD_INDEX_TOP_K, ",\"top_k\":5", "\"top_k\":5" },
		{ FIELD_INDEX_STOP, ",\"stop_sequences\":[\"x\"]", "\"stopSequences\":[\"x\"]" },
		{ FIELD_INDEX_SERVICE_TIER, ",\"service_tier\":\"standard_only\"", "\"serviceTier\":{\"type\":\"default\"}" },
		{ FIELD_INDEX_REASONING, ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}", "\"budget_tokens\":1024" },
		{ FIELD_INDEX_MAX_OUTPUT, "", "\"maxTokens\":2000" },
		{ FIELD_INDEX_USER, ",\"metadata\":{\"user_id\":\"u\"}", NULL },
		{ FIELD_INDEX_SERVER_TOOLS, ",\"tools\":[{\"type\":\"bash_20250124\",\"name\":\"bash\"}]", NULL },
		{ FIELD_INDEX_WEB_SEARCH, ",\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]", NULL },
		{ FIELD_INDEX_OTHER_MEANING, ",\"container\":\"c\"", NULL },
		{ FIELD_INDEX_OTHER, ",\"inference_geo\":\"us\"", NULL },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint64_t bit = 1ull << cases[i].field;
		struct field_verdict v;
		struct written w;
		char body[1024];

		snprintf(body, sizeof(body), "{\"model\":\"m\",\"max_tokens\":2000%s,\"messages\":[" USER(T("Hi")) "]}", cases[i].body);
		opened(&w, &dialect_anthropic, OPERATION_CHAT, body);
		v = field_judge(&w.chat, dialect_bedrock.fields, DIALECT_BEDROCK, &unknown, 0);
		assert_true(w.chat.fields & bit);
		assert_int_equal((v.carried & bit) != 0, cases[i].expected != NULL);
		assert_int_equal((v.refused & bit) != 0, !cases[i].expected && dialect_bedrock.fields[cases[i].field].carriage == REFUSED);
		if (cases[i].expected) {
			write_it(&w);
			assert_true(w.ok);
			assert_int_not_equal(slice_find(buf_slice(&w.out), slice_cstr(cases[i].expected)), SIZE_MAX);
		}
		written_done(&w);
	}
}

/* Gemini's state in front of a call belongs to the call. */
static void test_foreign_state_is_found_again(void **state)
{
	struct arena a;
	struct slice text;
	char body[1024];
	struct written w;

	arena_init(&a);
	text = state_wrap(SLICE("Sig"), SLICE("g"), DIALECT_GEMINI, &a);
	snprintf(body, sizeof(body), "{\"messages\":[" USER(TEXT("q")) ","
		ASSISTANT("{\"reasoningContent\":{\"reasoningText\":{\"text\":\"\",\"signature\":\"%.*s\"}}}," BC_CALL("a", "f")) "]}",
		 SLICE_ARG(text));
	opened(&w, &dialect_bedrock, OPERATION_CHAT, body);
	assert_int_equal(w.chat.last_turn->parts->kind, PART_TOOL_CALL);
	assert_slice(w.chat.last_turn->parts->state.payload, "Sig");
	assert_true(state_is_at_home(&w.chat.last_turn->parts->state, SLICE("g"), DIALECT_GEMINI));
	written_done(&w);
	arena_done(&a);
}

static void assert_refused(const struct dialect *from, const char *body, const char *message)
{
	struct written w;

	opened(&w, from, OPERATION_CHAT, body);
	w.target.carried = w.chat.fields;
	w.ok = dialect_bedrock.write_chat(&w.chat, &w.target, &w.q.arena, &w.out, &w.q.failure);
	assert_false(w.ok);
	assert_string_equal(w.q.failure.message, message);
	written_done(&w);
}

static void test_what_cannot_be_said(void **state)
{
	assert_refused(&dialect_anthropic, MESSAGES(USER("{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/y.png\"}}")),
		       "this provider takes media as data or from S3, not from addresses");
	assert_refused(&dialect_anthropic, MESSAGES(USER("{\"type\":\"image\","
		"\"source\":{\"type\":\"base64\",\"media_type\":\"image/tiff\",\"data\":\"AA==\"}}")),
		       "this provider does not take media of type image/tiff");
	assert_refused(&dialect_anthropic, AM("\"tools\":[{\"type\":\"bash_20250124\",\"name\":\"bash\"}]"),
		       "the tool bash is run by another provider and is not to be had here");
}

/* A grown conversation begins with the same bytes. */
static void test_prefix_stays(void **state)
{
	static const char *const grown[] = {
		MESSAGES(USER(T("a"))), MESSAGES(USER(T("a")) "," ASSISTANT(AM_CALL("x", "f"))),
		MESSAGES(USER(T("a")) "," ASSISTANT(AM_CALL("x", "f")) "," USER("{\"type\":\"tool_result\",\"tool_use_id\":\"x\",\"content\":\"r\"}")
			"," ASSISTANT(T("b"))),
	};
	struct written before, after;

	opened(&before, &dialect_anthropic, OPERATION_CHAT, grown[1]);
	write_it(&before);
	opened(&after, &dialect_anthropic, OPERATION_CHAT, grown[2]);
	write_it(&after);
	assert_true(slice_starts_with(buf_slice(&after.out), slice_of(buf_slice(&before.out).ptr, buf_slice(&before.out).len - 2)));
	written_done(&before);
	written_done(&after);
}

static void test_counts(void **state)
{
	struct written w;

	opened(&w, &dialect_anthropic, OPERATION_COUNT_TOKENS, "{\"model\":\"m\",\"system\":\"s\",\"messages\":[" USER(T("Hi")) "]}");
	write_it(&w);
	assert_written(&w, "{\"input\":{\"converse\":{\"system\":[" TEXT("s") "]," HI "}}}");
	opened(&w, &dialect_bedrock, OPERATION_COUNT_TOKENS, "{\"input\":{\"converse\":{" HI "}}}");
	write_it(&w);
	assert_written(&w, "{\"input\":{\"converse\":{" HI "}}}");
}

/* ---- routing ---- */

static void test_facts(void **state)
{
	struct request q = { 0 };

	assert_true(request_read(&q, &dialect_bedrock, OPERATION_CHAT, "{\"messages\":["
		USER("{\"image\":{\"format\":\"png\",\"source\":{\"bytes\":\"AAAA\"}}},"
		    "{\"toolResult\":{\"content\":[{\"document\":{}}]}}") "],\"inferenceConfig\":{\"maxTokens\":7},\"toolConfig\":{\"tools\":[{}]},"
		    "\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"enabled\"}},\"outputConfig\":{\"textFormat\":{\"type\":\"json_schema\"}}}"));
	assert_slice(q.facts.model, "gemini-x");
	assert_int_equal(q.facts.max_output, 7);
	assert_int_equal(q.facts.needs, NEEDS_IMAGES | NEEDS_DOCUMENTS | NEEDS_TOOLS | NEEDS_REASONING | NEEDS_STRUCTURED_OUTPUT);
	assert_false(q.facts.stream);
	arena_done(&q.arena);
}

static void test_paths(void **state)
{
	static const struct { const char *model; enum operation op; bool stream; const char *path; } cases[] = {
		{ "us.anthropic.claude-v1:0", OPERATION_CHAT, false, "/model/us.anthropic.claude-v1%3A0/converse" },
		{ "arn:aws:bedrock:us-east-1:1:inference-profile/x", OPERATION_CHAT, true,
		  "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fx/converse-stream" },
		{ "m", OPERATION_COUNT_TOKENS, false, "/model/m/count-tokens" },
	};
	struct request_route none = { .operation = OPERATION_EMBEDDINGS, .model = SLICE("m") };
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct request_route route = { .operation = cases[i].op, .stream = cases[i].stream, .model = slice_cstr(cases[i].model) };

		assert_slice(dialect_bedrock.request_path(&route, &a), cases[i].path);
	}
	assert_null(dialect_bedrock.request_path(&none, &a).ptr);
	arena_done(&a);
}

/* Pictures count as pictures, and a wandering cache point changes no prefix. */
static void test_estimates_and_hashes(void **state)
{
	struct request q = { 0 }, p = { 0 };
	char data[8001], body[9000];

	memset(data, 'A', 8000);
	data[8000] = '\0';
	snprintf(body, sizeof(body), "{\"messages\":[" USER("{\"image\":{\"format\":\"png\",\"source\":{\"bytes\":\"%s\"}}}") "]}", data);
	assert_true(request_read(&q, &dialect_bedrock, OPERATION_CHAT, body));
	assert_in_range(dialect_estimate_prompt(&dialect_bedrock, &q.facts, OPERATION_CHAT, TOKENS_UNSAID, &q.arena), 700, 1100);
	arena_done(&q.arena);
	assert_true(request_read(&q, &dialect_bedrock, OPERATION_CHAT, "{\"system\":[" TEXT("s") "],\"messages\":[" USER(TEXT("a") "," POINT) ","
		ASSISTANT(TEXT("b")) "]}"));
	assert_true(request_read(&p, &dialect_bedrock, OPERATION_CHAT, "{\"system\":[" TEXT("s") "," POINT "],\"messages\":[" USER(TEXT("a")) "]}"));
	assert_int_equal(dialect_bedrock.prefix_hash(&q.facts, OPERATION_CHAT, &q.arena), dialect_bedrock.prefix_hash(&p.facts, OPERATION_CHAT, &p.arena));
	arena_done(&q.arena);
	arena_done(&p.arena);
}

static void test_refusals(void **state)
{
	static const struct { const char *body, *message; } cases[] = {
		{ "{}", "messages must be an array of at least one message" },
		{ "{\"messages\":[{\"role\":\"tool\",\"content\":[]}]}", "messages.0.role must be \"user\", \"assistant\" or \"system\"" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}", "messages.0.content: it must be an array of blocks" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":[{}]}]}",
			"messages.0.content: each block must be an object with one member, such as {\"text\": \"…\"}" },
		{ "{" HI ",\"system\":\"s\"}", "system must be an array of blocks, such as [{\"text\": \"…\"}]" },
		{ "{" HI ",\"toolConfig\":{\"tools\":[{}]}}", "toolConfig.tools: each must be {\"toolSpec\": …}, {\"systemTool\": …} or {\"cachePoint\": …}" },
		{ "{" HI ",\"toolConfig\":{\"tools\":[],\"toolChoice\":{\"none\":{}}}}",
			"toolConfig.toolChoice must be {\"auto\": {}}, {\"any\": {}} or {\"tool\": {\"name\": …}}" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct request q = { 0 };
		struct chat chat;

		assert_true(request_read(&q, &dialect_bedrock, OPERATION_CHAT, cases[i].body));
		assert_false(dialect_bedrock.read_chat(&q.facts, OPERATION_CHAT, &q.arena, &chat, &q.failure));
		assert_string_equal(q.failure.message, cases[i].message);
		arena_done(&q.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_requests_keep_everything), cmocka_unit_test(test_own_reasoning),
		cmocka_unit_test(test_conversations), cmocka_unit_test(test_parameters), cmocka_unit_test(test_tool_choice),
		cmocka_unit_test(test_cache_points), cmocka_unit_test(test_reasoning_comes_home),
		cmocka_unit_test(test_thinking_waits_for_tools), cmocka_unit_test(test_fields),
		cmocka_unit_test(test_foreign_state_is_found_again), cmocka_unit_test(test_what_cannot_be_said),
		cmocka_unit_test(test_prefix_stays), cmocka_unit_test(test_counts), cmocka_unit_test(test_facts),
		cmocka_unit_test(test_paths), cmocka_unit_test(test_estimates_and_hashes), cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
