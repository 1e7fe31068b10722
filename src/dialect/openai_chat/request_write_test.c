/* SPDX-License-Identifier: Apache-2.0 */
/* Chat completion requests through the hub and out again: own ones keep every member, foreign ones are told in the words
 * that the target's rules and quirks allow. */
#include "dialect/dialect_test.h"

#include "llm/field.h"
#include "llm/state.h"

static const struct model_rules unknown,
	openai = { .system_role = SYSTEM_AS_DEVELOPER, .reasoning = REASONING_EFFORT,
		   .efforts = EFFORT_NONE | EFFORT_LOW | EFFORT_MEDIUM | EFFORT_HIGH, .rejects = REJECTS_MAX_TOKENS_NAME,
		   .cache_marks = CACHE_MARKS_BREAKPOINT },
	efforts = { .reasoning = REASONING_EFFORT, .efforts = EFFORT_LOW | EFFORT_HIGH | EFFORT_MAX },
	always_on = { .reasoning = REASONING_EFFORT, .efforts = EFFORT_LOW | EFFORT_HIGH, .rejects = REJECTS_REASONING_OFF },
	always = { .reasoning = REASONING_ALWAYS }, control = { .cache_marks = CACHE_MARKS_CONTROL },
	gemma = { .system_role = SYSTEM_AS_USER }, mistral = { .rejects = REJECTS_USER_AFTER_TOOL },
	warm = { .temperature_max = 1.5, .stop_max = 2 }, content = { .replay = REPLAY_CONTENT },
	forbidden = { .replay = REPLAY_FORBIDDEN }, details = { .replay = REPLAY_DETAILS },
	quiet = { .reasoning = REASONING_EFFORT, .efforts = EFFORT_LOW | EFFORT_HIGH | EFFORT_MAX,
		  .rejects = REJECTS_FORCED_TOOL_WITH_REASONING },
	no_later = { .rejects = REJECTS_LATER_SYSTEM };

struct way {
	const char *body;              /* members of a request behind the model */
	const char *expected;          /* what is written behind the model; NULL = the same */
	bool foreign;                  /* as if it had come in another dialect */
	const struct model_rules *rules;
	uint64_t quirks, lossy;
};

struct written {
	char body[8192];
	struct request q;
	struct chat chat;
	struct names names;
	struct buf out;
	uint64_t lossy, refused;
	struct chat_target target;
	bool ok;
};

static void written_done(struct written *w)
{
	buf_done(&w->out);
	arena_done(&w->q.arena);
}

static void opened(struct written *w, const char *members)
{
	memset(w, 0, sizeof(*w));
	snprintf(w->body, sizeof(w->body), "{\"model\":\"m\",%s}", members);
	if (!request_read(&w->q, &dialect_openai_chat, OPERATION_CHAT, w->body))
		fail_msg("%s: %s", w->body, w->q.failure.message);
	if (!dialect_openai_chat.read_chat(&w->q.facts, OPERATION_CHAT, &w->q.arena, &w->chat, &w->q.failure))
		fail_msg("%s: %s", w->body, w->q.failure.message);
	names_init(&w->names, &w->q.arena);
	buf_init(&w->out, 1 << 20);
	w->target = (struct chat_target){ .model = SLICE("own"), .provider = SLICE("here"), .rules = &unknown,
					  .stream = w->q.facts.stream, .ask_usage = w->chat.usage_asked,
					  .names = &w->names, .rewritten_lossy = &w->lossy };
}

static void write_it(struct written *w)
{
	struct field_verdict v;

	w->chat.fields = chat_fields(&w->chat);
	v = field_judge(&w->chat, dialect_openai_chat.fields, DIALECT_OPENAI_CHAT, w->target.rules, w->target.quirks);
	w->target.carried = v.carried;
	w->refused = v.refused;
	w->ok = dialect_openai_chat.write_chat(&w->chat, &w->target, &w->q.arena, &w->out, &w->q.failure);
}

static void check_way(const struct way *way)
{
	struct written w;
	char expected[8192];

	opened(&w, way->body);
	if (way->foreign)
		w.chat.dialect = DIALECT_ANTHROPIC;
	if (way->rules)
		w.target.rules = way->rules;
	w.target.quirks = way->quirks;
	write_it(&w);
	if (!w.ok)
		fail_msg("%s: %s", way->body, w.q.failure.message);
	snprintf(expected, sizeof(expected), "{\"model\":\"own\",%s}", way->expected ? way->expected : way->body);
	assert_slice(buf_slice(&w.out), expected);
	if (w.lossy != way->lossy)
		fail_msg("%s: lost in part: %llx, not %llx", way->body, (unsigned long long)w.lossy, (unsigned long long)way->lossy);
	written_done(&w);
}

static void check_ways(const struct way *ways, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_way(&ways[i]);
}

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"
#define MESSAGES(list) "\"messages\":[" list "]"
#define USER(text) "{\"role\":\"user\",\"content\":\"" text "\"}"
#define TOOL "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\"," \
	     "\"properties\":{}}}}]"
#define CALL "\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]"
#define CALLED "{\"role\":\"assistant\",\"content\":null," CALL "}"
#define RESULT "{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"42\"}"

/* What came in this dialect goes out as it came: only the order of members is ours. */
static void test_own_requests_keep_everything(void **state)
{
	static const struct way ways[] = {
		{ HI }, { MESSAGES("{\"role\":\"system\",\"content\":\"S\"}," USER("Hi")) },
		{ MESSAGES("{\"role\":\"developer\",\"content\":\"S\"}," USER("Hi")) },
		{ MESSAGES("{\"role\":\"user\",\"name\":\"ann\",\"content\":\"Hi\"}") },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}") },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/a.png\","
			   "\"detail\":\"low\"}},{\"type\":\"text\",\"text\":\"b\"}]}") },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
			   "{\"url\":\"data:image/png;base64,AAAA\"}}]}") },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\","
			   "\"format\":\"mp3\"}}]}") },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\","
			   "\"file_data\":\"data:application/pdf;base64,JVBERi0x\"}}]}") },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}}]}") },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://x/a.mp4\"}}]}") },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"document_url\",\"document_url\":\"https://x/a.pdf\","
			   "\"document_name\":\"a\"}]}") },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"mystery\",\"x\":1}]}") },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\",\"fps\":2}]}") },
		{ MESSAGES(USER("Hi") ",{\"role\":\"assistant\",\"content\":\"Ho\",\"weight\":0}," USER("Hi")) },
		{ MESSAGES(USER("Hi") ",{\"role\":\"assistant\",\"content\":null,\"refusal\":\"No\"}," USER("Hi")),
		  MESSAGES(USER("Hi") ",{\"role\":\"assistant\",\"content\":\"\",\"refusal\":\"No\"}," USER("Hi")) },
		{ MESSAGES(USER("Hi") ",{\"role\":\"assistant\",\"content\":\"Ho\",\"audio\":{\"id\":\"audio_1\"}}," USER("Hi")) },
		{ TOOL "," MESSAGES(USER("Hi") "," CALLED "," RESULT) },
		{ TOOL "," MESSAGES(USER("Hi") "," CALLED "," RESULT "," USER("And?")) },
		{ MESSAGES(USER("Hi") ",{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"custom\","
			   "\"custom\":{\"name\":\"g\",\"input\":\"x\"}}]}," RESULT) },
		{ "\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"g\",\"format\":{\"type\":\"grammar\",\"grammar\":"
		  "{\"syntax\":\"lark\",\"definition\":\"x\"}}}}]," HI },
		{ "\"tools\":[{\"type\":\"browser_search\"}]," HI },
		{ TOOL "," HI ",\"tool_choice\":\"auto\"" }, { TOOL "," HI ",\"tool_choice\":\"none\"" },
		{ TOOL "," HI ",\"tool_choice\":\"required\"" },
		{ TOOL "," HI ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}" },
		{ TOOL "," HI ",\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"required\",\"tools\":"
		  "[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}}" },
		{ TOOL "," HI ",\"parallel_tool_calls\":false" }, { TOOL "," HI ",\"parallel_tool_calls\":true" },
		{ HI ",\"response_format\":{\"type\":\"text\"}" }, { HI ",\"response_format\":{\"type\":\"json_object\"}" },
		{ HI ",\"response_format\":{\"type\":\"grammar\",\"grammar\":\"x\"}" },
		{ HI ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"description\":\"d\",\"schema\":"
		  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],"
		  "\"additionalProperties\":false},\"strict\":true}}" },
		{ HI ",\"max_tokens\":7,\"temperature\":0.50,\"top_p\":0.9,\"top_k\":40,\"min_p\":0.1,\"frequency_penalty\":1,"
		  "\"presence_penalty\":-1,\"repetition_penalty\":1.1,\"seed\":3,\"stop\":[\"a\",\"b\"],\"n\":2,\"logprobs\":true,"
		  "\"top_logprobs\":3,\"logit_bias\":{\"50\":-100}" },
		{ HI ",\"reasoning_effort\":\"low\"" }, { HI ",\"reasoning_effort\":\"none\"" },
		{ HI ",\"reasoning_effort\":\"unheard\"" },
		{ HI ",\"metadata\":{\"k\":\"v\"},\"service_tier\":\"flex\",\"prompt_cache_key\":\"p\",\"store\":true,"
		  "\"verbosity\":\"low\",\"user\":\"u\"" },
		{ HI ",\"safety_identifier\":\"s\",\"user\":\"u\"" },
		{ HI ",\"modalities\":[\"text\",\"audio\"],\"audio\":{\"voice\":\"ash\",\"format\":\"wav\"}" },
		{ HI ",\"prediction\":{\"type\":\"content\",\"content\":\"x\"},\"moderation\":{\"model\":\"m\"},\"provider\":"
		  "{\"order\":[\"a\"]}", HI ",\"moderation\":{\"model\":\"m\"},\"prediction\":{\"type\":\"content\",\"content\":\"x\"},"
		  "\"provider\":{\"order\":[\"a\"]}" },
		{ HI ",\"thinking\":{\"type\":\"enabled\",\"keep\":\"all\"}" },
		{ "\"web_search_options\":{\"search_context_size\":\"low\"}," HI },
		{ HI ",\"stream\":true,\"stream_options\":{\"include_usage\":true}" },
		{ HI ",\"functions\":[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}],"
		  "\"function_call\":{\"name\":\"f\"}", TOOL "," HI ",\"tool_choice\":{\"type\":\"function\",\"function\":"
		  "{\"name\":\"f\"}}" },
	};
	check_ways(ways, COUNT_OF(ways));
}

static void test_reasoning_words(void **state)
{
	static const struct way ways[] = {
		{ HI ",\"reasoning_effort\":\"medium\"", HI ",\"reasoning_effort\":\"low\"", false, &efforts, 0, FIELD_REASONING },
		{ HI ",\"reasoning_effort\":\"none\"", HI ",\"reasoning_effort\":\"low\"", false, &always_on, 0, FIELD_REASONING },
		{ HI ",\"reasoning_effort\":\"low\"", HI, false, &always, 0, FIELD_REASONING },
		{ HI ",\"thinking\":{\"type\":\"enabled\"}", HI, true, &efforts },
		{ HI ",\"thinking\":{\"type\":\"enabled\"}", HI ",\"reasoning_effort\":\"medium\"", true, &openai },
		{ HI ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":3000}", HI ",\"reasoning_effort\":\"low\"", true, &efforts },
		{ HI ",\"enable_thinking\":false", HI ",\"reasoning_effort\":\"none\"", true },
		{ HI ",\"reasoning_effort\":\"none\"", HI ",\"thinking\":{\"type\":\"disabled\"}", true, &unknown, QUIRK_THINKING_TYPE },
		{ HI ",\"reasoning_effort\":\"high\"", HI ",\"thinking\":{\"type\":\"enabled\"}", true, &unknown, QUIRK_THINKING_TYPE,
		  FIELD_REASONING },
		{ HI ",\"reasoning_effort\":\"high\"", HI ",\"thinking\":{\"type\":\"enabled\"},\"reasoning_effort\":\"high\"", true,
		  &efforts, QUIRK_THINKING_TYPE },
		{ HI ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"required\",\"reasoning_effort\":\"high\"",
		  "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]," HI
		  ",\"tool_choice\":\"required\",\"thinking\":{\"type\":\"disabled\"}", true, &quiet, QUIRK_THINKING_TYPE },
		{ HI ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"required\"",
		  "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]," HI
		  ",\"tool_choice\":\"required\",\"thinking\":{\"type\":\"disabled\"}", true, &quiet, QUIRK_THINKING_TYPE },
		{ HI ",\"reasoning\":{\"max_tokens\":500}", HI ",\"enable_thinking\":true,\"thinking_budget\":500", true, &unknown,
		  QUIRK_ENABLE_THINKING },
		{ HI ",\"reasoning_effort\":\"none\"", HI ",\"enable_thinking\":false", true, &unknown, QUIRK_ENABLE_THINKING },
		{ HI ",\"reasoning_effort\":\"high\"", HI ",\"reasoning\":{\"effort\":\"high\"}", true, &unknown, QUIRK_REASONING_OBJECT },
		{ HI ",\"reasoning_effort\":\"none\"", HI ",\"reasoning\":{\"enabled\":false}", true, &unknown, QUIRK_REASONING_OBJECT },
		{ HI ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":3000}", HI ",\"reasoning\":{\"max_tokens\":3000}", true,
		  &unknown, QUIRK_REASONING_OBJECT },
		{ HI ",\"thinking\":{\"type\":\"adaptive\"}", HI ",\"reasoning\":{\"enabled\":true}", true, &unknown,
		  QUIRK_REASONING_OBJECT },
		{ HI ",\"reasoning\":{\"effort\":\"low\",\"exclude\":true}", NULL, false, &unknown, QUIRK_REASONING_OBJECT },
		{ HI ",\"reasoning_effort\":\"none\"", HI ",\"chat_template_kwargs\":{\"enable_thinking\":false}", true, &unknown,
		  QUIRK_CHAT_TEMPLATE_THINKING },
		{ HI ",\"reasoning_effort\":\"low\"", HI ",\"reasoning\":{\"enabled\":true},\"reasoning_effort\":\"low\"", true,
		  &efforts, QUIRK_REASONING_ENABLED },
		{ HI, HI ",\"reasoning_split\":true", true, &unknown, QUIRK_REASONING_SPLIT },
	};
	check_ways(ways, COUNT_OF(ways));
}

static void test_quirks(void **state)
{
	static const struct way ways[] = {
		{ HI ",\"max_tokens\":5", HI ",\"max_completion_tokens\":5", false, &openai },
		{ HI ",\"max_completion_tokens\":5", HI ",\"max_tokens\":5", false, &openai, QUIRK_MAX_TOKENS_ONLY },
		{ MESSAGES("{\"role\":\"system\",\"content\":\"S\"}," USER("Hi")),
		  MESSAGES("{\"role\":\"developer\",\"content\":\"S\"}," USER("Hi")), false, &openai },
		{ MESSAGES("{\"role\":\"developer\",\"content\":\"S\"}," USER("Hi")),
		  MESSAGES("{\"role\":\"system\",\"content\":\"S\"}," USER("Hi")), false, &openai, QUIRK_NO_DEVELOPER_ROLE },
		{ MESSAGES("{\"role\":\"system\",\"content\":\"S\"}," USER("Hi")),
		  MESSAGES("{\"role\":\"user\",\"content\":\"S\\n\\nHi\"}"), true, &gemma },
		{ MESSAGES(USER("Hi") ",{\"role\":\"system\",\"content\":\"S\"}"), MESSAGES(USER("Hi") "," USER("S")), true, &no_later },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}"),
		  MESSAGES("{\"role\":\"user\",\"content\":\"a\\n\\nb\"}"), false, &unknown, QUIRK_TEXT_CONTENT },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}"),
		  MESSAGES("{\"role\":\"user\",\"content\":\"a\\n\\nb\"}"), true },
		{ TOOL "," HI ",\"tool_choice\":\"required\"", TOOL "," HI ",\"tool_choice\":\"any\"", true, &unknown,
		  QUIRK_REQUIRED_IS_ANY },
		{ HI ",\"seed\":5", HI ",\"random_seed\":5", true, &unknown, QUIRK_RANDOM_SEED },
		{ MESSAGES(USER("Hi") "," CALLED "," RESULT "," USER("And?")),
		  MESSAGES(USER("Hi") "," CALLED ",{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"name\":\"f\",\"content\":\"42\"},"
			   "{\"role\":\"assistant\",\"content\":\"Understood.\"}," USER("And?")), true, &mistral, QUIRK_TOOL_RESULT_NAME },
		{ MESSAGES(USER("Hi") ",{\"role\":\"assistant\",\"content\":\"Ho\"}"),
		  MESSAGES(USER("Hi") ",{\"role\":\"assistant\",\"content\":\"Ho\",\"prefix\":true}"), true, &unknown, QUIRK_PREFIX },
		{ MESSAGES(USER("Hi") ",{\"role\":\"assistant\",\"content\":\"Ho\"}"),
		  MESSAGES(USER("Hi") ",{\"role\":\"assistant\",\"content\":\"Ho\",\"partial\":true}"), true, &unknown, QUIRK_PARTIAL },
		{ MESSAGES(USER("a") "," USER("b") ",{\"role\":\"assistant\",\"content\":\"c\"},{\"role\":\"assistant\",\"content\":\"d\"},"
			   USER("e")),
		  MESSAGES("{\"role\":\"user\",\"content\":\"a\\n\\nb\"},{\"role\":\"assistant\",\"content\":\"cd\"}," USER("e")), true,
		  &unknown, QUIRK_MERGE_TURNS },
		{ "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"$schema\":\"x\",\"type\":\"object\","
		  "\"properties\":{}}}}]," HI, TOOL "," HI, true, &unknown, QUIRK_NO_SCHEMA_MEMBER },
		{ TOOL "," HI, TOOL "," HI ",\"parallel_tool_calls\":true", true, &unknown, QUIRK_PARALLEL_IS_ASKED },
		{ HI ",\"prompt_cache_key\":\"k\"", HI, true, &unknown, 0, FIELD_CACHE_KEY },
		{ HI ",\"prompt_cache_key\":\"k\"", NULL, true, &unknown, QUIRK_PROMPT_CACHE_KEY },
		{ HI ",\"temperature\":1.9", HI ",\"temperature\":1.5", true, &warm, 0, FIELD_TEMPERATURE },
		{ HI ",\"stop\":[\"a\",\"b\",\"\"]", HI ",\"stop\":[\"a\",\"b\"]", true, &warm },
		{ HI ",\"top_k\":5,\"store\":true", HI, true },
		{ HI ",\"modalities\":[\"text\",\"audio\"],\"audio\":{\"voice\":\"x\",\"format\":\"mp3\"}",
		  HI ",\"modalities\":[\"text\",\"audio\"],\"audio\":{\"voice\":\"alloy\",\"format\":\"wav\"}", true },
		{ "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{}},"
		  "\"strict\":true}}]," HI, TOOL "," HI, true, &unknown, QUIRK_NO_STRICT },
		{ MESSAGES(USER("Hi") ",{\"role\":\"assistant\",\"content\":null," CALL "}," RESULT),
		  MESSAGES(USER("Hi") ",{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\","
			   "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"},\"extra_content\":{\"google\":{\"thought_signature\":"
			   "\"skip_thought_signature_validator\"}}}]}," RESULT), true, &unknown, QUIRK_EXTRA_CONTENT },
	};
	check_ways(ways, COUNT_OF(ways));
}

/* Strict without a schema (recorded: OpenAI refuses it, but in words): what is written is JSON nevertheless. */
static void test_a_strict_tool_without_parameters(void **state)
{
	static const struct way ways[] = {
		{ "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":true}}]," HI,
		  "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{},"
		  "\"required\":[],\"additionalProperties\":false},\"strict\":true}}]," HI },
	};
	check_ways(ways, COUNT_OF(ways));
}

static void test_format_in_words(void **state)
{
	static const char schema[] = HI ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":"
				     "{\"type\":\"object\"}}}";
	static const char words[] = MESSAGES("{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"system\",\"content\":\"Answer with "
					     "nothing but a JSON object that is valid for this JSON schema:\\n{\\\"type\\\":"
					     "\\\"object\\\"}\"}," USER("Hi")) ",\"response_format\":{\"type\":\"json_object\"}";
	static const struct way ways[] = {
		{ MESSAGES("{\"role\":\"system\",\"content\":\"S\"}," USER("Hi")) ",\"response_format\":{\"type\":\"json_schema\","
		  "\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\"}}}", words, true, &unknown, QUIRK_JSON_OBJECT_ONLY },
		{ HI ",\"response_format\":{\"type\":\"json_object\"}",
		  MESSAGES("{\"role\":\"system\",\"content\":\"Answer with nothing but a JSON object.\"}," USER("Hi"))
		  ",\"response_format\":{\"type\":\"json_object\"}", true },
		{ MESSAGES(USER("as JSON")) ",\"response_format\":{\"type\":\"json_object\"}", NULL, true },
		{ schema, NULL, false },
	};
	check_ways(ways, COUNT_OF(ways));
}

/* Optional members stay optional: strict only where nothing is lost by it. */
static void test_foreign_schemas_are_strict_where_they_can(void **state)
{
	static const struct way ways[] = {
		{ HI ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\","
		  "\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],\"additionalProperties\":false}}}",
		  HI ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\","
		  "\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],\"additionalProperties\":false},\"strict\":true}}",
		  true },
		{ HI ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\","
		  "\"properties\":{\"a\":{\"type\":\"string\"}}}}}", NULL, true },
	};
	check_ways(ways, COUNT_OF(ways));
}

static void test_tool_subset(void **state)
{
	static const struct way ways[] = {
		{ "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}},{\"type\":\"function\",\"function\":{\"name\":\"g\"}}],"
		  HI ",\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"required\",\"tools\":[{\"type\":"
		  "\"function\",\"function\":{\"name\":\"f\"}}]}}", TOOL "," HI ",\"tool_choice\":\"required\"", true },
	};
	check_ways(ways, COUNT_OF(ways));
}

static void test_result_media_moves(void **state)
{
	static const struct way ways[] = {
		{ MESSAGES(USER("Hi") "," CALLED ",{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":[{\"type\":\"text\",\"text\":"
			   "\"see\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/a.png\"}}]}," USER("And?")),
		  MESSAGES(USER("Hi") "," CALLED ",{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"see\\n[image: in the next "
			   "user message]\"},{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
			   "\"https://x/a.png\"}},{\"type\":\"text\",\"text\":\"And?\"}]}"), true },
		{ MESSAGES(USER("Hi") "," CALLED ",{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":[{\"type\":\"image_url\","
			   "\"image_url\":{\"url\":\"https://x/a.png\"}}]}"),
		  MESSAGES(USER("Hi") "," CALLED ",{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"[image: in the next "
			   "user message]\"},{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
			   "\"https://x/a.png\"}}]}"), true },
	};
	check_ways(ways, COUNT_OF(ways));
}

/* What other dialects have and this one has not, built by hand. */
static void test_foreign_parts(void **state)
{
	struct written w;
	struct part *p;

	opened(&w, MESSAGES(USER("Hi") "," CALLED "," RESULT));
	w.chat.dialect = DIALECT_ANTHROPIC;
	p = w.chat.last_turn->parts;
	p->result->is_error = true;
	p = turn_add_part(w.chat.turns, &w.q.arena, PART_DOCUMENT);
	p->media->source = MEDIA_TEXT;
	p->media->value = SLICE("body");
	p->media->name = SLICE("T");
	write_it(&w);
	assert_true(w.ok);
	assert_slice(buf_slice(&w.out), "{\"model\":\"own\"," MESSAGES(
		"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"},{\"type\":\"text\",\"text\":\"<document "
		"title=\\\"T\\\">\\nbody\\n</document>\"}]}," CALLED
		",{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"Error: 42\"}") "}");
	written_done(&w);

	opened(&w, MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://x/a.mp4\"}}]}"));
	w.chat.dialect = DIALECT_GEMINI;
	write_it(&w);
	assert_int_equal(w.refused, FIELD_VIDEO);
	written_done(&w);

	opened(&w, MESSAGES(USER("Hi") ",{\"role\":\"assistant\",\"content\":\"Ho\"}"));
	w.chat.dialect = DIALECT_ANTHROPIC;
	write_it(&w);
	assert_int_equal(w.refused, FIELD_PREFILL);
	written_done(&w);
}

static void test_short_ids_are_stable(void **state)
{
	struct written a, b;

	opened(&a, MESSAGES(USER("Hi") "," CALLED "," RESULT));
	opened(&b, MESSAGES(USER("Hi") "," CALLED "," RESULT "," USER("And?")));
	a.target.quirks = b.target.quirks = QUIRK_SHORT_TOOL_IDS;
	write_it(&a);
	write_it(&b);
	assert_true(a.ok && b.ok);
	assert_int_equal(slice_find(buf_slice(&a.out), SLICE("call_1")), SIZE_MAX);
	/* A grown conversation keeps its bytes. */
	assert_true(slice_starts_with(buf_slice(&b.out), slice_of(buf_slice(&a.out).ptr, a.out.len - 2)));
	written_done(&a);
	written_done(&b);
}

static void test_cache_marks(void **state)
{
#define MARKED(n) "{\"type\":\"text\",\"text\":\"" n "\",\"cache_control\":{\"type\":\"ephemeral\"}}"
#define PLAIN(n) "{\"type\":\"text\",\"text\":\"" n "\"}"
	static const struct way ways[] = {
		{ MESSAGES("{\"role\":\"user\",\"content\":[" MARKED("a") "]}"), NULL, false, &control },
		{ MESSAGES("{\"role\":\"user\",\"content\":[" MARKED("a") "]}"), NULL, true, &unknown, QUIRK_CACHE_CONTROL },
		{ MESSAGES("{\"role\":\"user\",\"content\":[" MARKED("a") "]}"), MESSAGES(USER("a")), true, &unknown, 0,
		  FIELD_CACHE_MARKS },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":\"ephemeral\","
			   "\"ttl\":\"1h\"}}]}"),
		  MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\",\"prompt_cache_breakpoint\":{\"mode\":"
			   "\"explicit\",\"ttl\":\"12h\"}}]}") ",\"prompt_cache_options\":{\"mode\":\"explicit\"}", true, &openai },
		{ MESSAGES("{\"role\":\"user\",\"content\":[" MARKED("a") "," MARKED("b") "," MARKED("c") "," MARKED("d") "," MARKED("e")
			   "]}"),
		  MESSAGES("{\"role\":\"user\",\"content\":[" PLAIN("a") "," MARKED("b") "," MARKED("c") "," MARKED("d") "," MARKED("e")
			   "]}"), true, &control, 0, FIELD_CACHE_MARKS },
	};
	check_ways(ways, COUNT_OF(ways));
}

/* ---- reasoning of earlier turns ---- */

#define THOUGHT(members) MESSAGES(USER("Hi") ",{\"role\":\"assistant\"," members CALL "}," RESULT)

static void test_reasoning_text_by_rules(void **state)
{
	static const struct way ways[] = {
		{ THOUGHT("\"reasoning_content\":\"Hm\",\"content\":null,"), THOUGHT("\"content\":null,"), true, &unknown },
		{ THOUGHT("\"reasoning_content\":\"Hm\",\"content\":null,"), NULL, false, &unknown },
		{ THOUGHT("\"reasoning\":\"Hm\",\"content\":null,"), NULL, false, &unknown },
		{ THOUGHT("\"reasoning\":\"Hm\",\"content\":null,"), THOUGHT("\"reasoning_content\":\"Hm\",\"content\":null,"), true,
		  &content },
		{ MESSAGES(USER("a") ",{\"role\":\"assistant\",\"content\":null,\"reasoning\":\"Hm\"}," USER("b")),
		  MESSAGES(USER("a") "," USER("b")), true, &unknown },
		{ THOUGHT("\"content\":null,"), THOUGHT("\"reasoning_content\":\" \",\"content\":null,"), true, &content },
		{ THOUGHT("\"reasoning_content\":\"Hm\",\"content\":null,"), THOUGHT("\"content\":null,"), false, &forbidden },
	};
	check_ways(ways, COUNT_OF(ways));
}

#define NATIVE "{\"type\":\"reasoning.text\",\"text\":\"Hm\",\"signature\":\"abc\",\"format\":\"anthropic-claude-v1\",\"index\":0}"

static void test_native_details_go_back(void **state)
{
	static const struct way ways[] = {
		{ THOUGHT("\"reasoning\":\"Hm\",\"reasoning_details\":[" NATIVE "],\"content\":null,"),
		  THOUGHT("\"reasoning_details\":[{\"type\":\"reasoning.text\",\"signature\":\"abc\",\"format\":\"anthropic-claude-v1\","
			  "\"index\":0,\"text\":\"Hm\"}],\"content\":null,"), false, &details },
		{ MESSAGES(USER("Hi") ",{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":"
			   "\"Hm\"}],\"closed\":true},{\"type\":\"text\",\"text\":\"Ho\"}]}," USER("And?")), NULL, false },
		{ MESSAGES(USER("Hi") ",{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\","
			   "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"},\"extra_content\":{\"google\":{\"thought_signature\":\"sig\"}}}"
			   "]}," RESULT), NULL, false },
	};
	check_ways(ways, COUNT_OF(ways));
}

/* What we wrapped for a client: home it goes as the provider gave it, elsewhere it stays away, text and all. */
static void test_wrapped_state(void **state)
{
	static const struct { const char *provider; enum dialect_id dialect; bool home; } owners[] = {
		{ "here", DIALECT_OPENAI_CHAT, true }, { "there", DIALECT_OPENAI_CHAT, false }, { "here", DIALECT_ANTHROPIC, false },
	};

	for (size_t i = 0; i < COUNT_OF(owners); i++) {
		struct arena a;
		struct slice wrapped;
		struct written w;
		char members[2048];

		arena_init(&a);
		wrapped = state_wrap(SLICE("{\"type\":\"reasoning.text\",\"signature\":\"abc\",\"index\":0}"),
				     slice_cstr(owners[i].provider), owners[i].dialect, &a);
		snprintf(members, sizeof(members), THOUGHT("\"reasoning_content\":\"Hm\",\"reasoning_details\":[{\"type\":"
			 "\"reasoning.text\",\"text\":\"Hm\",\"signature\":\"%.*s\",\"index\":0}],\"content\":null,"), SLICE_ARG(wrapped));
		opened(&w, members);
		write_it(&w);
		assert_true(w.ok);
		assert_slice(buf_slice(&w.out), owners[i].home
			     ? "{\"model\":\"own\"," THOUGHT("\"reasoning_details\":[{\"type\":\"reasoning.text\",\"signature\":\"abc\","
							     "\"index\":0,\"text\":\"Hm\"}],\"content\":null,") "}"
			     : "{\"model\":\"own\"," THOUGHT("\"content\":null,") "}");
		written_done(&w);
		arena_done(&a);
	}
}

/* ---- refusals ---- */

static void test_what_is_refused(void **state)
{
	static const struct { const char *members, *param; } bodies[] = {
		{ "\"messages\":[]", "messages" }, { "\"messages\":\"Hi\"", "messages" }, { "\"x\":1", "messages" },
		{ "\"messages\":[\"Hi\"]", "messages" }, { "\"messages\":[{\"content\":\"Hi\"}]", "messages" },
		{ "\"messages\":[{\"role\":\"robot\",\"content\":\"Hi\"}]", "messages" },
		{ HI ",\"n\":0", "n" }, { HI ",\"n\":\"2\"", "n" }, { HI ",\"n\":1000", "n" },
		{ HI ",\"max_tokens\":\"5\"", "max_tokens" }, { HI ",\"temperature\":\"hot\"", "temperature" },
		{ HI ",\"tools\":[{\"type\":\"function\"}]", "tools" },
		{ HI ",\"tools\":[{\"type\":\"function\",\"function\":{}}]", "tools" },
		{ HI ",\"response_format\":\"json\"", "response_format" }, { HI ",\"stop\":5", "stop" },
		{ HI ",\"tools\":{\"f\":1}", "tools" }, { HI ",\"parallel_tool_calls\":\"no\"", "parallel_tool_calls" },
		{ HI ",\"logprobs\":1", "logprobs" }, { HI ",\"user\":[1]", "user" },
	};

	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct request q = { 0 };
		struct chat chat;
		char body[512];

		snprintf(body, sizeof(body), "{\"model\":\"m\",%s}", bodies[i].members);
		assert_true(request_read(&q, &dialect_openai_chat, OPERATION_CHAT, body));
		if (dialect_openai_chat.read_chat(&q.facts, OPERATION_CHAT, &q.arena, &chat, &q.failure))
			fail_msg("%s was read", body);
		assert_int_equal(q.failure.kind, FAILURE_BAD_REQUEST);
		assert_string_equal(q.failure.param, bodies[i].param);
		arena_done(&q.arena);
	}
}

static void test_null_is_unsaid(void **state)
{
	static const struct way ways[] = {
		{ "\"tools\":null,\"tool_choice\":null,\"stop\":null,\"n\":null,\"temperature\":null,\"max_tokens\":null,"
		  "\"response_format\":null,\"user\":null,\"x\":null," HI, HI },
		{ MESSAGES("{\"role\":\"user\",\"name\":null,\"tool_calls\":null,\"content\":\"Hi\"}"), HI },
		{ HI ",\"max_tokens\":-1", HI },
	};
	check_ways(ways, COUNT_OF(ways));
}

/* What the table of fields promises: a chat that uses the field has it in what is written, or has not. `said` is what
 * shows it; rules and quirks are those of a target that knows it. */
static const struct {
	enum field_index field;
	const char *members, *said;
} shown[] = {
	{ FIELD_INDEX_SYSTEM, MESSAGES("{\"role\":\"system\",\"content\":\"SAID\"}," USER("Hi")), "SAID" },
	{ FIELD_INDEX_LATER_SYSTEM, MESSAGES(USER("Hi") ",{\"role\":\"system\",\"content\":\"SAID\"}"), "SAID" },
	{ FIELD_INDEX_PREFILL, MESSAGES(USER("Hi") ",{\"role\":\"assistant\",\"content\":\"SAID\"}"), "\"prefix\":true" },
	{ FIELD_INDEX_PARTICIPANT_NAME, MESSAGES("{\"role\":\"user\",\"name\":\"SAID\",\"content\":\"Hi\"}"), "SAID" },
	{ FIELD_INDEX_IMAGE_DATA, MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
					   "\"data:image/png;base64,SAID\"}}]}"), "SAID" },
	{ FIELD_INDEX_IMAGE_URL, MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://SAID\"}}]}"),
	  "SAID" },
	{ FIELD_INDEX_AUDIO, MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"SAID\","
				      "\"format\":\"wav\"}}]}"), "SAID" },
	{ FIELD_INDEX_VIDEO, MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://SAID\"}}]}"),
	  "SAID" },
	{ FIELD_INDEX_DOCUMENT_DATA, MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\",\"file_data\":"
					      "\"data:application/pdf;base64,SAID\"}}]}"), "SAID" },
	{ FIELD_INDEX_DOCUMENT_URL, MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"document_url\",\"document_url\":\"https://SAID\"}]}"),
	  "SAID" },
	{ FIELD_INDEX_FILE_ID, MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"file_id\":\"SAID\"}}]}"), "SAID" },
	{ FIELD_INDEX_RESULT_MEDIA, MESSAGES(USER("Hi") "," CALLED ",{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":[{\"type\":"
					     "\"image_url\",\"image_url\":{\"url\":\"https://SAID\"}}]}"), "SAID" },
	{ FIELD_INDEX_TOOLS, "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"SAID\"}}]," HI, "SAID" },
	{ FIELD_INDEX_CUSTOM_TOOLS, "\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"SAID\"}}]," HI, "SAID" },
	{ FIELD_INDEX_WEB_SEARCH, "\"web_search_options\":{}," HI, "web_search_options" },
	{ FIELD_INDEX_TOOL_STRICT, "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":true}}]," HI, "\"strict\":true" },
	{ FIELD_INDEX_CHOICE_NONE, TOOL "," HI ",\"tool_choice\":\"none\"", "\"none\"" },
	{ FIELD_INDEX_CHOICE_REQUIRED, TOOL "," HI ",\"tool_choice\":\"required\"", "\"required\"" },
	{ FIELD_INDEX_CHOICE_NAMED, TOOL "," HI ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}",
	  "\"tool_choice\":{\"type\":\"function\"" },
	{ FIELD_INDEX_PARALLEL_CONTROL, TOOL "," HI ",\"parallel_tool_calls\":false", "\"parallel_tool_calls\":false" },
	{ FIELD_INDEX_FORMAT_JSON, HI ",\"response_format\":{\"type\":\"json_object\"}", "\"json_object\"" },
	{ FIELD_INDEX_FORMAT_SCHEMA, HI ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"SAID\",\"schema\":{}}}", "SAID" },
	{ FIELD_INDEX_MAX_OUTPUT, HI ",\"max_tokens\":77", ":77" },
	{ FIELD_INDEX_TEMPERATURE, HI ",\"temperature\":0.77", "\"temperature\":0.77" },
	{ FIELD_INDEX_TOP_P, HI ",\"top_p\":0.77", "\"top_p\":0.77" },
	{ FIELD_INDEX_TOP_K, HI ",\"top_k\":77", "\"top_k\":77" },
	{ FIELD_INDEX_MIN_P, HI ",\"min_p\":0.77", "\"min_p\":0.77" },
	{ FIELD_INDEX_FREQUENCY_PENALTY, HI ",\"frequency_penalty\":0.77", "\"frequency_penalty\":0.77" },
	{ FIELD_INDEX_PRESENCE_PENALTY, HI ",\"presence_penalty\":0.77", "\"presence_penalty\":0.77" },
	{ FIELD_INDEX_REPEAT_PENALTY, HI ",\"repetition_penalty\":0.77", "\"repetition_penalty\":0.77" },
	{ FIELD_INDEX_SEED, HI ",\"seed\":77", "\"seed\":77" },
	{ FIELD_INDEX_STOP, HI ",\"stop\":\"SAID\"", "SAID" },
	{ FIELD_INDEX_N, HI ",\"n\":7", "\"n\":7" },
	{ FIELD_INDEX_LOGPROBS, HI ",\"logprobs\":true", "\"logprobs\":true" },
	{ FIELD_INDEX_LOGIT_BIAS, HI ",\"logit_bias\":{\"7\":1}", "\"logit_bias\":{\"7\":1}" },
	{ FIELD_INDEX_REASONING, HI ",\"reasoning_effort\":\"high\"", "\"high\"" },
	{ FIELD_INDEX_REASONING_HISTORY, MESSAGES(USER("Hi") ",{\"role\":\"assistant\",\"content\":\"Ho\",\"reasoning_content\":\"SAID\"},"
						  USER("Hi")), "SAID" },
	{ FIELD_INDEX_VERBOSITY, HI ",\"verbosity\":\"SAID\"", "SAID" },
	{ FIELD_INDEX_SERVICE_TIER, HI ",\"service_tier\":\"SAID\"", "SAID" },
	{ FIELD_INDEX_USER, HI ",\"user\":\"SAID\"", "SAID" },
	{ FIELD_INDEX_METADATA, HI ",\"metadata\":{\"a\":\"SAID\"}", "SAID" },
	{ FIELD_INDEX_CACHE_MARKS, MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":"
					    "\"ephemeral\"}}]}"), "prompt_cache_breakpoint" },
	{ FIELD_INDEX_CACHE_KEY, HI ",\"prompt_cache_key\":\"SAID\"", "SAID" },
	{ FIELD_INDEX_STORE, HI ",\"store\":true", "\"store\"" },
	{ FIELD_INDEX_AUDIO_OUTPUT, HI ",\"modalities\":[\"text\",\"audio\"]", "\"modalities\"" },
	{ FIELD_INDEX_IMAGE_OUTPUT, HI ",\"modalities\":[\"text\",\"image\"]", "\"modalities\"" },
	{ FIELD_INDEX_SAFETY_SETTINGS, HI ",\"moderation\":{}", "moderation" },
	{ FIELD_INDEX_OPAQUE_PART, MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"SAID\"},{\"type\":\"text\",\"text\":\"a\"}]}"), "SAID" },
	{ FIELD_INDEX_SERVER_TOOLS, "\"tools\":[{\"type\":\"SAID\"}]," HI, "SAID" },
	{ FIELD_INDEX_OTHER_MEANING, HI ",\"grammar\":\"SAID\"", "SAID" },
	{ FIELD_INDEX_OTHER, HI ",\"SAID\":1", "SAID" },
};

static void test_the_table_of_fields(void **state)
{
	static const struct model_rules able = { .system_role = SYSTEM_AS_DEVELOPER, .cache_marks = CACHE_MARKS_BREAKPOINT,
						 .replay = REPLAY_CONTENT, .web_search = SEARCH_WORDS_OPTIONS };
	const struct field_row *table = dialect_openai_chat.fields;

	for (size_t i = 0; i < COUNT_OF(shown); i++)
		for (unsigned foreign = 0; foreign < 2; foreign++) {
			uint64_t bit = 1ull << shown[i].field;
			enum carriage carriage = foreign ? table[shown[i].field].carriage : CARRIED;
			bool expected = carriage == CARRIED || carriage == REWRITTEN;
			struct written w;

			opened(&w, shown[i].members);
			if (!(w.chat.fields & bit))
				fail_msg("%s does not use \"%s\"", shown[i].members, field_words(shown[i].field));
			if (!table[shown[i].field].expressed)
				fail_msg("\"%s\" can be asked for", field_words(shown[i].field));
			if (foreign)
				w.chat.dialect = DIALECT_GEMINI;
			w.target.rules = &able;
			w.target.quirks = QUIRK_PREFIX | QUIRK_VIDEO_URL;
			write_it(&w);
			assert_true(w.ok);
			if ((slice_find(buf_slice(&w.out), slice_cstr(shown[i].said)) != SIZE_MAX) != expected)
				fail_msg("\"%s\" is %s, but %.*s", field_words(shown[i].field), carriage_name(carriage),
					 SLICE_ARG(buf_slice(&w.out)));
			written_done(&w);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_requests_keep_everything), cmocka_unit_test(test_reasoning_words),
		cmocka_unit_test(test_quirks), cmocka_unit_test(test_format_in_words),
		cmocka_unit_test(test_foreign_schemas_are_strict_where_they_can),
		cmocka_unit_test(test_a_strict_tool_without_parameters), cmocka_unit_test(test_tool_subset),
		cmocka_unit_test(test_result_media_moves), cmocka_unit_test(test_foreign_parts),
		cmocka_unit_test(test_short_ids_are_stable), cmocka_unit_test(test_cache_marks),
		cmocka_unit_test(test_reasoning_text_by_rules), cmocka_unit_test(test_native_details_go_back),
		cmocka_unit_test(test_wrapped_state), cmocka_unit_test(test_what_is_refused), cmocka_unit_test(test_null_is_unsaid),
		cmocka_unit_test(test_the_table_of_fields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
