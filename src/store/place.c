/* SPDX-License-Identifier: Apache-2.0 */
/* The default follows systemd.exec(5) for StateDirectory= and the XDG Base Directory Specification 0.8. */
#include "store/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

/* Relative values are invalid by the XDG specification; from systemd there are none. */
static struct slice folder_of_environment(const char *name)
{
	struct slice value = slice_cstr(getenv(name));

	return value.len > 0 && value.ptr[0] == '/' ? value : slice_of(NULL, 0);
}

const char *place_default(struct arena *a)
{
	struct slice states = folder_of_environment("STATE_DIRECTORY"); /* several are parted by colons */
	struct slice state = slice_next_token(&states, ':');
	struct slice xdg = folder_of_environment("XDG_STATE_HOME"), home = folder_of_environment("HOME");

	if (state.ptr)
		return arena_printf(a, "%.*s/weir.db", SLICE_ARG(state)).ptr;
	if (xdg.ptr)
		return arena_printf(a, "%.*s/weir/weir.db", SLICE_ARG(xdg)).ptr;
	if (home.ptr)
		return arena_printf(a, "%.*s/.local/state/weir/weir.db", SLICE_ARG(home)).ptr;
	return NULL;
}

static int make_folders(const char *path)
{
	char folder[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, path, len + 1);
	for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		/* EROFS and EACCES also come for a folder that is there: the next one shows whether it can be used. */
		if (mkdir(folder, 0700) < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
			return -errno;
		*slash = '/';
	}
	return 0;
}

int place_make(const char *path)
{
	int r = make_folders(path), fd;

	if (r < 0)
		return r;
	/* Only ever a new file: closing a second descriptor of a database would drop SQLite's locks on it (POSIX). */
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return 0;
}
