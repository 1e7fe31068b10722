/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as AWS's SDKs understand them (DIALECTS §6.1, §6.2): {"message"} with the name of the error's class in the
 * header x-amzn-errortype, else in the body's `code`, else in its `__type` (JavaScript's loadRestJsonErrorCode,
 * botocore's RestJSONParser, Go's restjson.GetErrorInfo); in streams as an exception frame. */
#include "dialect/bedrock_converse/bedrock_converse.h"

/* The service model's exceptions with their status (`error.httpStatusCode`), then what AWS's front end adds (DIALECTS
 * §6.2). The first row of a status is what it is called where nobody said more. */
static const struct { int status; const char *name; } exceptions[] = {
	{ 400, "ValidationException" },
	{ 403, "AccessDeniedException" },
	{ 404, "ResourceNotFoundException" },
	{ 408, "ModelTimeoutException" },
	{ 409, "ConflictException" },
	{ 424, "ModelErrorException" },
	{ 424, "ModelStreamErrorException" },
	{ 429, "ThrottlingException" },
	{ 429, "ModelNotReadyException" },
	{ 500, "InternalServerException" },
	{ 503, "ServiceUnavailableException" },
	{ 400, "ServiceQuotaExceededException" },
	{ 401, "UnrecognizedClientException" },
	{ 403, "ExpiredTokenException" },
	{ 501, "UnknownOperationException" },
};

/* "com.amazon.coral#ThrottlingException:http://…" is that name in either clothing. */
static struct slice bare_name(struct slice name)
{
	size_t hash = slice_find(name, SLICE("#"));
	struct slice rest = hash == SIZE_MAX ? name : slice_after(name, hash + 1);

	return slice_next_token(&rest, ':');
}

static int status_of(struct slice name)
{
	for (size_t i = 0; i < COUNT_OF(exceptions); i++)
		if (slice_eq_nocase(name, slice_cstr(exceptions[i].name)))
			return exceptions[i].status;
	return 0;
}

/* Quotas of the account come under 400, credentials that ran out under 400 or 403. */
static void judge_by_name(struct failure *f, struct slice name)
{
	if (slice_eq_nocase(name, SLICE("ServiceQuotaExceededException")))
		f->kind = FAILURE_QUOTA;
	else if (status_of(name) == 401 || slice_eq_nocase(name, SLICE("ExpiredTokenException")))
		f->kind = FAILURE_CREDENTIALS;
}

void bedrock_read_failure(int status, struct slice body, struct arena *scratch, struct failure *ret)
{
	struct slice name;

	failure_read(status, body, scratch, ret);
	name = arena_dup(scratch, bare_name(slice_cstr(ret->type)));
	failure_copy_text(ret->type, sizeof(ret->type), name);
	judge_by_name(ret, name);
}

void bedrock_read_failure_head(const struct headers *h, struct failure *f)
{
	struct slice name = bare_name(headers_get(h, SLICE("x-amzn-errortype")));

	if (name.len == 0)
		return;
	failure_copy_text(f->type, sizeof(f->type), name);
	judge_by_name(f, name);
}

/* The HTTP status was 200 already: the name stands for it, or what a model's own container answered. */
void bedrock_read_exception(const struct frame *f, struct arena *scratch, struct failure *ret)
{
	struct slice name = bare_name(f->exception);
	struct json_doc doc;
	struct json_error error;
	int status = status_of(name);

	if (json_parse(scratch, f->data, &doc, &error)) {
		int64_t original = json_i64_or(json_get(json_root(&doc), "originalStatusCode"), 0);

		if (original >= 400 && original <= 599)
			status = (int)original;
	}
	failure_read(status ? status : 500, f->data, scratch, ret);
	failure_copy_text(ret->type, sizeof(ret->type), name);
	judge_by_name(ret, name);
}

/* The provider's own class, as long as the client gets the status that goes with it. */
static const char *class_of(const struct failure_view *v)
{
	const char *type = v->failure->type;

	if (v->from_provider && v->status == v->failure->status &&
	    slice_ends_with(slice_cstr(type), SLICE("Exception")))
		return type;
	for (size_t i = 0; i < COUNT_OF(exceptions); i++)
		if (exceptions[i].status == v->status)
			return exceptions[i].name;
	switch (v->status) {
	case 402:
		return "AccessDeniedException";
	case 405:
		return "UnknownOperationException";
	case 504:
		return "ModelTimeoutException";
	case 529:
		return "ServiceUnavailableException";
	default:
		return v->status >= 500 ? "InternalServerException" : "ValidationException";
	}
}

/* There is no slot for a code: SDKs take `code` for the class. Ours goes where no SDK looks and every person does. */
static void write_code(struct json_writer *w, const struct failure_view *v)
{
	const char *code = v->code ? v->code : v->failure->code;

	if (code[0])
		json_member_cstr(w, "error_code", code);
}

void bedrock_write_failure(const struct failure_view *v, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_begin_object(&w);
	json_member_cstr(&w, "__type", class_of(v));
	json_member_cstr(&w, "message", v->failure->message);
	write_code(&w, v);
	json_end_object(&w);
}

/* The five that ConverseStreamOutput has: SDKs raise these and take others for a broken stream. An answer that was
 * cut is the model's stream gone wrong. */
static const char *stream_exception(int status)
{
	switch (status) {
	case 429:
		return "throttlingException";
	case 424: case 502: case 504: case 408:
		return "modelStreamErrorException";
	case 503: case 529:
		return "serviceUnavailableException";
	default:
		return status >= 500 ? "internalServerException" : "validationException";
	}
}

void bedrock_write_failure_event(const struct failure_view *v, enum framing framing, bool elements_written,
				 const struct event_reader *r, struct buf *out)
{
	const char *name = stream_exception(v->status);
	struct json_writer w;
	struct buf data;

	event_begin(&w, &data);
	json_member_cstr(&w, "message", v->failure->message);
	if (strcmp(name, "modelStreamErrorException") == 0)
		json_member_int(&w, "originalStatusCode", v->status);
	write_code(&w, v);
	json_end_object(&w);
	(void)!event_stream_write(out, SLICE("exception"), slice_cstr(name), buf_slice(&data));
	buf_done(&data);
}

/* A stream without metadata after messageStop lacks its usage, and nothing that a client waits for. */
void bedrock_write_terminator(const struct event_reader *r, enum framing framing, struct buf *out)
{
}
