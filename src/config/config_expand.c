/* SPDX-License-Identifier: Apache-2.0 */
/* ${VAR} and ${file:/path} in values. What is inserted is not looked at again. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "base/buf.h"
#include "config/config_internal.h"

static bool is_variable_name(struct slice s)
{
	if (s.len == 0 || (s.ptr[0] >= '0' && s.ptr[0] <= '9'))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
			return false;
	}
	return true;
}

/* A named pipe or a device would block or never end: only regular files are read. */
static const char *read_small_file(const char *path, struct buf *out)
{
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is not a regular file";
	for (;;) {
		char chunk[4096];
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return strerror(errno);
		if (n == 0)
			return NULL;
		if (!buf_append(out, chunk, (size_t)n))
			return "it is larger than 64 KB";
	}
}

/* Contents without the line end that editors and `echo` leave. */
static bool insert_file(struct reader *r, struct yaml where, struct slice path, struct buf *out)
{
	_cleanup_(buf_done) struct buf contents;
	const char *name = arena_cstr(r->arena, path);
	const char *error;
	struct slice text;

	buf_init(&contents, CONFIG_INSERTED_MAX);
	if (path.len == 0 || path.ptr[0] != '/')
		error = "the path should begin with '/'";
	else
		error = read_small_file(name, &contents);
	if (error) {
		problem(r, where, "${file:%s} cannot be read: %s", name, error);
		return false;
	}
	text = buf_slice(&contents);
	while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
		text.len--;
	if (buf_append_slice(out, text))
		return true;
	problem(r, where, "the value is too long");
	return false;
}

static bool insert_variable(struct reader *r, struct yaml where, struct slice name, struct buf *out)
{
	const char *value;

	if (!is_variable_name(name)) {
		problem(r, where, "'${%.*s}' is neither ${VARIABLE} nor ${file:/path}", SLICE_ARG(name));
		return false;
	}
	value = getenv(arena_cstr(r->arena, name));
	if (!value) {
		problem(r, where, "the environment variable %.*s is not set", SLICE_ARG(name));
		return false;
	}
	if (buf_append_slice(out, slice_cstr(value)))
		return true;
	problem(r, where, "the value is too long");
	return false;
}

/* The part between "${" and "}". */
static bool insert(struct reader *r, struct yaml where, struct slice inside, struct buf *out)
{
	if (slice_starts_with(inside, SLICE("file:")))
		return insert_file(r, where, slice_after(inside, 5), out);
	return insert_variable(r, where, inside, out);
}

bool expand_text(struct reader *r, struct yaml where, struct slice text, struct slice *ret)
{
	_cleanup_(buf_done) struct buf out;
	bool good = true, fits = true;

	buf_init(&out, CONFIG_TEXT_MAX);
	while (text.len > 0 && fits) {
		size_t start = slice_find(text, SLICE("${"));
		struct slice rest;
		size_t end;

		if (start == SIZE_MAX) {
			fits = buf_append_slice(&out, text);
			break;
		}
		rest = slice_after(text, start + 2);
		if (start > 0 && text.ptr[start - 1] == '$') {
			fits = buf_append(&out, text.ptr, start - 1) && buf_append(&out, "${", 2);
			text = rest;
			continue;
		}
		end = slice_find(rest, SLICE("}"));
		if (end == SIZE_MAX) {
			problem(r, where, "'${' has no '}'; write '$${' for the characters themselves");
			return false;
		}
		fits = buf_append(&out, text.ptr, start);
		good &= insert(r, where, slice_of(rest.ptr, end), &out);
		text = slice_after(rest, end + 1);
	}
	if (!fits)
		problem(r, where, "the value is too long");
	*ret = arena_dup(r->arena, buf_slice(&out));
	return good && fits;
}
