/* SPDX-License-Identifier: Apache-2.0 */
/* What the hub gets of a Messages request, and that every field's row in the dialect's table is true of its writer. */
#include "dialect/dialect_test.h"

#include "llm/field.h"
#include "llm/state.h"

struct read {
	struct request q;
	struct chat chat;
};

static bool try_read(struct read *r, enum operation op, const char *members)
{
	/* What is read points into its text: that of the last few requests stays. */
	static char bodies[4][4096];
	static unsigned next;
	char *body = bodies[next++ % 4];
	snprintf(body, sizeof(bodies[0]), "{\"model\":\"m\",%s}", members);
	memset(r, 0, sizeof(*r));
	assert_true(request_read(&r->q, &dialect_anthropic, op, body));
	return dialect_anthropic.read_chat(&r->q.facts, op, &r->q.arena, &r->chat, &r->q.failure);
}

static void read_in(struct read *r, const char *members)
{
	if (!try_read(r, OPERATION_CHAT, members))
		fail_msg("%s: %s", members, r->q.failure.message);
}

static void read_done(struct read *r)
{
	arena_done(&r->q.arena);
}

#define HI "\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"

static void test_members(void **state)
{
	struct read r;

	read_in(&r, HI ",\"stream\":true,\"temperature\":0.50,\"top_p\":0.9,\"top_k\":4,\"stop_sequences\":[\"a\",\"b\"],\"metadata\":"
		"{\"user_id\":\"u\"},\"service_tier\":\"standard_only\",\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
		"\"output_config\":{\"effort\":\"xhigh\",\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}},"
		"\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"},\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\","
		"\"disable_parallel_tool_use\":true}");
	assert_true(r.chat.stream);
	assert_int_equal(r.chat.max_output, 9);
	assert_slice(r.chat.temperature.text, "0.50");
	assert_int_equal(r.chat.stop_count, 2);
	assert_slice(r.chat.user, "u");
	assert_slice(r.chat.service_tier, "default");
	assert_int_equal(r.chat.reasoning.wish, REASONING_ON);
	assert_int_equal(r.chat.reasoning.effort, EFFORT_XHIGH);
	assert_int_equal(r.chat.reasoning.visible, SAID_YES);
	assert_int_equal(r.chat.format.kind, FORMAT_SCHEMA);
	assert_int_equal(r.chat.cache_whole, CACHE_MARK_1H);
	assert_int_equal(r.chat.choice.mode, CHOICE_NAMED);
	assert_slice(r.chat.choice.name, "f");
	assert_int_equal(r.chat.choice.parallel, SAID_NO);
	assert_null(r.chat.others);
	read_done(&r);
	read_in(&r, HI ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048},\"output_format\":{\"type\":\"json_schema\",\"schema\":{}}");
	assert_int_equal(r.chat.reasoning.wish, REASONING_BY_BUDGET);
	assert_int_equal(r.chat.reasoning.budget, 2048);
	assert_int_equal(r.chat.format.kind, FORMAT_SCHEMA);
	read_done(&r);
	read_in(&r, HI ",\"thinking\":null,\"container\":null,\"output_config\":{\"effort\":\"low\"}");
	assert_int_equal(r.chat.reasoning.wish, REASONING_BY_EFFORT);
	read_done(&r);
}

static void test_tools(void **state)
{
	static const enum tool_kind kinds[] = { TOOL_FUNCTION, TOOL_FUNCTION, TOOL_WEB_SEARCH, TOOL_WEB_FETCH, TOOL_CODE, TOOL_OTHER };
	struct read r;
	size_t i = 0;

	read_in(&r, HI ",\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"input_schema\":{\"type\":\"object\"},\"strict\":true,"
		"\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"custom\",\"name\":\"g\"},{\"type\":\"web_search_20991231\"},"
		"{\"type\":\"web_fetch_20250910\"},{\"type\":\"code_execution_20250825\"},{\"type\":\"computer_20250124\"}]");
	for (const struct tool *t = r.chat.tools; t; t = t->next)
		assert_int_equal(t->kind, kinds[i++]);
	assert_int_equal(i, COUNT_OF(kinds));
	assert_int_equal(r.chat.tools->strict, SAID_YES);
	assert_int_equal(r.chat.tools->cache_mark, CACHE_MARK_5M);
	assert_slice(json_raw(r.chat.tools->parameters), "{\"type\":\"object\"}");
	read_done(&r);
}

#define MESSAGES(list) "\"max_tokens\":9,\"messages\":[" list "]"

static void test_blocks(void **state)
{
	struct read r;

	read_in(&r, "\"system\":[{\"type\":\"text\",\"text\":\"s\",\"cache_control\":{\"type\":\"ephemeral\"}}]," MESSAGES(
		"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"\"},{\"type\":\"document\",\"source\":{\"type\":\"content\","
		"\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]},\"title\":\"T\",\"citations\":{\"enabled\":true}},"
		"{\"type\":\"search_result\",\"source\":\"S\",\"title\":\"t\",\"content\":[{\"type\":\"text\",\"text\":\"c\"}]}]},"
		"{\"role\":\"assistant\",\"content\":[{\"type\":\"server_tool_use\",\"id\":\"x\"},{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\","
		"\"input\":{\"a\":1}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"is_error\":true,"
		"\"content\":[{\"type\":\"text\",\"text\":\"r\"},{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x\"}}]}]},"
		"{\"role\":\"system\",\"content\":\"later\"}"));
	const struct turn *t = r.chat.turns;
	assert_int_equal(t->role, ROLE_SYSTEM);
	assert_int_equal(t->parts->cache_mark, CACHE_MARK_5M);
	t = t->next;
	assert_int_equal(t->parts->kind, PART_DOCUMENT);
	assert_slice(t->parts->media->value, "a\nb");
	assert_slice(t->parts->media->name, "T");
	assert_true(t->parts->media->citations);
	assert_slice(t->parts->next->media->value, "c");
	assert_slice(t->parts->next->media->context, "S");
	t = t->next;
	assert_int_equal(t->parts->kind, PART_OPAQUE);
	assert_slice(t->parts->raw, "{\"type\":\"server_tool_use\",\"id\":\"x\"}");
	assert_slice(t->parts->next->call->arguments, "{\"a\":1}");
	t = t->next;
	assert_slice(t->parts->result->name, "f");
	assert_true(t->parts->result->is_error);
	assert_int_equal(t->parts->result->parts->next->kind, PART_IMAGE);
	assert_int_equal(t->next->role, ROLE_SYSTEM);
	assert_int_equal(r.chat.fields, FIELD_SYSTEM | FIELD_LATER_SYSTEM | FIELD_CACHE_MARKS | FIELD_DOCUMENT_TEXT | FIELD_DOCUMENT_CITATIONS |
			 FIELD_OPAQUE_PART | FIELD_RESULT_ERROR | FIELD_RESULT_MEDIA | FIELD_IMAGE_URL | FIELD_MAX_OUTPUT);
	read_done(&r);
}

static void test_nothing_is_lost(void **state)
{
	static const struct { const char *path; uint64_t field; } kept[] = {
		{ "messages.0.clear_at", FIELD_OTHER }, { "thinking.block_binding", FIELD_OTHER }, { "output_config.task_budget", FIELD_OTHER },
		{ "metadata.team", FIELD_OTHER }, { "mcp_servers", FIELD_OTHER_MEANING }, { "container", FIELD_OTHER_MEANING },
		{ "context_management", FIELD_OTHER }, { "brand_new", FIELD_OTHER },
	};
	struct read r;
	size_t i = 0;

	read_in(&r, "\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\",\"clear_at\":1}],\"thinking\":{\"type\":\"adaptive\","
		"\"block_binding\":{}},\"output_config\":{\"task_budget\":{}},\"metadata\":{\"team\":\"x\"},\"mcp_servers\":[{}],\"container\":\"c\","
		"\"context_management\":{},\"brand_new\":[1]");
	for (const struct other_member *m = r.chat.others; m; m = m->next, i++) {
		assert_true(i < COUNT_OF(kept));
		assert_slice(m->path, kept[i].path);
		assert_int_equal(m->field, kept[i].field);
	}
	assert_int_equal(i, COUNT_OF(kept));
	read_done(&r);
	/* a picture within a document has no place elsewhere */
	read_in(&r, MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":[{\"type\":\"image\"}]}}]}"));
	assert_true(r.chat.fields & FIELD_OTHER_MEANING);
	read_done(&r);
}

static void test_refusals_say_why(void **state)
{
	static const struct { const char *members, *param; } rows[] = {
		{ "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]", "max_tokens" },
		{ "\"max_tokens\":\"9\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]", "max_tokens" },
		{ "\"max_tokens\":9", "messages" },
		{ "\"max_tokens\":9,\"messages\":[]", "messages" },
		{ MESSAGES("{\"role\":\"tool\",\"content\":\"Hi\"}"), "messages" },
		{ MESSAGES("{\"role\":\"user\"}"), "messages" },
		{ MESSAGES("{\"role\":\"user\",\"content\":[\"Hi\"]}"), "messages" },
		{ MESSAGES("{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":\"{}\"}]}"), "messages" },
		{ HI ",\"system\":1", "system" },
		{ HI ",\"tools\":[1]", "tools" },
		{ HI ",\"thinking\":\"on\"", "thinking" }, { HI ",\"stop_sequences\":\"x\"", "stop_sequences" },
		{ HI ",\"tools\":[{\"input_schema\":{}}]", "tools" },
		{ HI ",\"tool_choice\":{\"type\":\"some\"}", "tool_choice" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct read r;
		bool ok = try_read(&r, OPERATION_CHAT, rows[i].members);
		assert_int_equal(ok, rows[i].param[0] == '\0');
		assert_string_equal(r.q.failure.param, rows[i].param);
		assert_true(ok || r.q.failure.kind == FAILURE_BAD_REQUEST);
		read_done(&r);
	}

	struct read r;
	assert_true(try_read(&r, OPERATION_COUNT_TOKENS, "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"));
	read_done(&r);
}

/* ---- the table of fields ---- */

/* A chat of another dialect with one field in it, and what the target must see of it. NULL: nothing. */
static void add_part(struct chat *c, struct arena *a, enum part_kind kind, enum media_source source, const char *value)
{
	struct part *p = turn_add_part(c->turns, a, kind);
	p->media->source = source;
	p->media->value = slice_cstr(value);
}

static void add_call(struct chat *c, struct arena *a)
{
	struct part *p = turn_add_part(chat_add_turn(c, a, ROLE_ASSISTANT), a, PART_TOOL_CALL);
	p->call->id = SLICE("i");
	p->call->name = SLICE("f");
	p = turn_add_part(chat_add_turn(c, a, ROLE_USER), a, PART_TOOL_RESULT);
	p->result->id = SLICE("i");
}

static struct tool *add_tool(struct chat *c, struct arena *a, enum tool_kind kind)
{
	struct tool *t = chat_add_tool(c, a, kind);
	t->name = SLICE("f");
	return t;
}

static const char *use_field(struct chat *c, struct arena *a, enum field_index field)
{
	static const struct number half = { true, 0.5, { "0.5", 3 } };
	switch (field) {
	case FIELD_INDEX_LATER_SYSTEM:
		turn_add_text(chat_add_turn(c, a, ROLE_SYSTEM), a, SLICE("be brief"));
		return "{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"be brief\"}]}";
	case FIELD_INDEX_PREFILL:
		turn_add_text(chat_add_turn(c, a, ROLE_ASSISTANT), a, SLICE("I"));
		return "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"I\"}]}";
	case FIELD_INDEX_PARTICIPANT_NAME:
		c->turns->name = SLICE("bob");
		return NULL;
	case FIELD_INDEX_IMAGE_DATA:
		add_part(c, a, PART_IMAGE, MEDIA_DATA, "iVBORw0KGgo");
		return "{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"iVBORw0KGgo\"}";
	case FIELD_INDEX_IMAGE_URL:
		add_part(c, a, PART_IMAGE, MEDIA_URL, "https://x");
		return "{\"type\":\"url\",\"url\":\"https://x\"}";
	case FIELD_INDEX_DOCUMENT_DATA:
		add_part(c, a, PART_DOCUMENT, MEDIA_DATA, "JVBERi0");
		return "{\"type\":\"base64\",\"media_type\":\"application/pdf\",\"data\":\"JVBERi0\"}";
	case FIELD_INDEX_DOCUMENT_URL:
		add_part(c, a, PART_DOCUMENT, MEDIA_URL, "https://x");
		return "{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://x\"}}";
	case FIELD_INDEX_DOCUMENT_TEXT:
		add_part(c, a, PART_DOCUMENT, MEDIA_TEXT, "t");
		return "{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"t\"}";
	case FIELD_INDEX_DOCUMENT_CITATIONS:
		add_part(c, a, PART_DOCUMENT, MEDIA_TEXT, "t");
		c->turns->last->media->citations = true;
		return "\"citations\":{\"enabled\":true}";
	case FIELD_INDEX_RESULT_MEDIA:
		add_call(c, a);
		result_add_part(c->last_turn->last->result, a, PART_IMAGE)->media->source = MEDIA_DATA;
		return "\"tool_use_id\":\"i\",\"content\":[{\"type\":\"image\"";
	case FIELD_INDEX_RESULT_ERROR:
		add_call(c, a);
		c->last_turn->last->result->is_error = true;
		return "\"is_error\":true";
	case FIELD_INDEX_TOOLS:
		add_tool(c, a, TOOL_FUNCTION);
		return "\"tools\":[{\"name\":\"f\",";
	case FIELD_INDEX_CUSTOM_TOOLS:
		add_tool(c, a, TOOL_CUSTOM);
		return "\"tools\":[{\"name\":\"f\",\"input_schema\":" CUSTOM_INPUT_SCHEMA "}]";
	case FIELD_INDEX_WEB_SEARCH:
		add_tool(c, a, TOOL_WEB_SEARCH);
		return "\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]";
	case FIELD_INDEX_SERVER_TOOLS:
		add_tool(c, a, TOOL_CODE);
		return "\"tools\":[{\"type\":\"code_execution_20250825\",\"name\":\"code_execution\"}]";
	case FIELD_INDEX_TOOL_STRICT:
		add_tool(c, a, TOOL_FUNCTION)->strict = SAID_YES;
		return "\"strict\":true";
	case FIELD_INDEX_CHOICE_NONE:
		add_tool(c, a, TOOL_FUNCTION);
		c->choice.mode = CHOICE_NONE;
		return "\"tool_choice\":{\"type\":\"none\"}";
	case FIELD_INDEX_CHOICE_REQUIRED:
		add_tool(c, a, TOOL_FUNCTION);
		c->choice.mode = CHOICE_REQUIRED;
		return "\"tool_choice\":{\"type\":\"any\"}";
	case FIELD_INDEX_CHOICE_NAMED:
		add_tool(c, a, TOOL_FUNCTION);
		c->choice = (struct tool_choice){ .mode = CHOICE_NAMED, .name = SLICE("f") };
		return "\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\"}";
	case FIELD_INDEX_CHOICE_ALLOWED:
		add_tool(c, a, TOOL_FUNCTION)->name = SLICE("g");
		add_tool(c, a, TOOL_FUNCTION);
		c->choice.allowed = arena_array(a, struct slice, 1);
		c->choice.allowed[0] = SLICE("f");
		c->choice.allowed_count = 1;
		return "\"tools\":[{\"name\":\"f\",";
	case FIELD_INDEX_PARALLEL_CONTROL:
		add_tool(c, a, TOOL_FUNCTION);
		c->choice.parallel = SAID_NO;
		return "\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true}";
	case FIELD_INDEX_FORMAT_JSON:
		c->format.kind = FORMAT_JSON;
		return "one JSON object";
	case FIELD_INDEX_FORMAT_SCHEMA:
		c->format.kind = FORMAT_SCHEMA;
		return "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":";
	case FIELD_INDEX_MAX_OUTPUT:
		c->max_output = 33;
		return "\"max_tokens\":33";
	case FIELD_INDEX_TEMPERATURE:
		c->temperature = half;
		return "\"temperature\":0.5";
	case FIELD_INDEX_TOP_P:
		c->top_p = half;
		return "\"top_p\":0.5";
	case FIELD_INDEX_TOP_K:
		c->top_k = half;
		return "\"top_k\":0.5";
	case FIELD_INDEX_STOP:
		c->stops = arena_array(a, struct slice, 1);
		c->stops[0] = SLICE("X");
		c->stop_count = 1;
		return "\"stop_sequences\":[\"X\"]";
	case FIELD_INDEX_REASONING:
		c->reasoning = (struct reasoning){ .wish = REASONING_BY_EFFORT, .effort = EFFORT_LOW };
		return "\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"low\"}";
	case FIELD_INDEX_SERVICE_TIER:
		c->service_tier = SLICE("default");
		return "\"service_tier\":\"standard_only\"";
	case FIELD_INDEX_USER:
		c->user = SLICE("u");
		return "\"metadata\":{\"user_id\":\"u\"}";
	case FIELD_INDEX_CACHE_MARKS:
		c->turns->last->cache_mark = CACHE_MARK_1H;
		return "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}";
	case FIELD_INDEX_REASONING_HISTORY: {
		struct part *p = turn_add_part(chat_add_turn(c, a, ROLE_ASSISTANT), a, PART_REASONING);
		p->state = (struct reasoning_state){ SLICE("S"), SLICE("p"), DIALECT_ANTHROPIC };
		return "\"signature\":\"S\"";
	}
	default:
		return NULL;
	}
}

/* Fields whose use has a row above; the others are nothing that could be written. */
static void test_the_table_is_true(void **state)
{
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		struct arena a;
		struct chat c;
		struct names names;
		struct failure f;
		struct buf out;
		uint64_t lossy = 0;
		arena_init(&a);
		buf_init(&out, 1 << 16);
		names_init(&names, &a);
		chat_init(&c, DIALECT_OPENAI_RESPONSES);
		turn_add_text(chat_add_turn(&c, &a, ROLE_USER), &a, SLICE("Hi"));
		const char *expected = use_field(&c, &a, (enum field_index)i);
		const struct field_row *row = &dialect_anthropic.fields[i];
		bool writes = row->carriage == CARRIED || row->carriage == REWRITTEN;
		/* a chat that has the field, of a kind that this test can make */
		if (i != FIELD_INDEX_SYSTEM && i != FIELD_INDEX_REASONING_VISIBLE)
			assert_int_equal(writes, expected != NULL);
		assert_true(chat_finish(&c, &a, &f));
		struct chat_target t = { .operation = OPERATION_CHAT, .model = SLICE("m"), .provider = SLICE("p"), .rules = &model_rules_unknown,
					 .names = &names, .rewritten_lossy = &lossy };
		t.carried = field_judge(&c, dialect_anthropic.fields, DIALECT_ANTHROPIC, t.rules, 0).carried;
		if (!dialect_anthropic.write_chat(&c, &t, &a, &out, &f))
			fail_msg("%s: %s", field_words((enum field_index)i), f.message);
		if (expected && slice_find(buf_slice(&out), slice_cstr(expected)) == SIZE_MAX)
			fail_msg("%s: no %s in %.*s", field_words((enum field_index)i), expected, SLICE_ARG(buf_slice(&out)));
		/* not carried: not written */
		buf_clear(&out);
		t.carried = 0;
		assert_true(dialect_anthropic.write_chat(&c, &t, &a, &out, &f));
		if (expected && (1ull << i) & (FIELD_TEMPERATURE | FIELD_STOP | FIELD_USER | FIELD_CACHE_MARKS | FIELD_REASONING | FIELD_TOOL_STRICT))
			assert_int_equal(slice_find(buf_slice(&out), slice_cstr(expected)), SIZE_MAX);
		buf_done(&out);
		arena_done(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_tools),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_nothing_is_lost),
		cmocka_unit_test(test_refusals_say_why),
		cmocka_unit_test(test_the_table_is_true),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
