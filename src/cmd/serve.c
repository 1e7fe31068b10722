/* SPDX-License-Identifier: Apache-2.0 */
/* weir serve: runs the gateway until it is told to end. Signals are taken by this thread alone: SIGHUP reads the
 * configuration again, SIGTERM or SIGINT drains, a second one ends at once. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/resident.h"
#include "cmd/cmd.h"
#include "cmd/config_file.h"
#include "cmd/gateway.h"

enum { SYSTEMD_FIRST_FD = 3 };

/* No core file may hold a credential, and no other process of the same user may read our memory (pain.md P8). */
static void harden_process(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Two descriptors a request: as many as we may have. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Bodies of a few MB come and go; giving them back to the kernel each time costs a thousand page faults a request. Few
 * arenas: the workers allocate little on the hot path, and each arena keeps what it once had. */
static void tune_allocator(unsigned workers)
{
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	mallopt(M_ARENA_MAX, (int)workers + 1);
}

/* sd_listen_fds(3): sockets opened for us. Those named "admin" in LISTEN_FDNAMES are the admin plane's. */
static struct inherited_sockets inherited_sockets(void)
{
	struct inherited_sockets in = { .admin = -1 };
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS"), *names_text = getenv("LISTEN_FDNAMES");
	struct slice names = slice_cstr(names_text ? names_text : "");
	unsigned long long n = 0, for_pid = 0;

	if (!pid || !count || !slice_to_u64(slice_cstr(pid), &for_pid) || !slice_to_u64(slice_cstr(count), &n) ||
	    for_pid != (unsigned long long)getpid())
		return in;
	for (int i = 0; i < (int)n && i < (int)COUNT_OF(in.data); i++) {
		struct slice name = names.ptr ? slice_next_token(&names, ':') : SLICE("");

		if (slice_eq(name, SLICE("admin")) || slice_eq(name, SLICE("weir-admin.socket")))
			in.admin = SYSTEMD_FIRST_FD + i;
		else
			in.data[in.data_count++] = SYSTEMD_FIRST_FD + i;
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return in;
}

/* sd_notify(3), without the library: one datagram. */
static void notify_systemd(const char *message)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	_cleanup_(close_fdp) int fd = -1;
	size_t len = path ? strlen(path) : 0;

	if (len == 0 || len >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, len);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)!sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&to,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

static void log_report(const struct config_report *r)
{
	for (unsigned i = 0; i < r->count; i++) {
		const struct config_problem *p = &r->problems[i];

		if (p->line > 0)
			log_event(p->warning ? LOG_WARN : LOG_ERROR, "%.*s:%u:%u: %.*s", SLICE_ARG(r->file), p->line, p->column,
				  SLICE_ARG(p->text));
		else
			log_event(p->warning ? LOG_WARN : LOG_ERROR, "%.*s: %.*s", SLICE_ARG(r->file), SLICE_ARG(p->text));
	}
}

static void reload(struct gateway *g, const char *path)
{
	struct config_report report;
	struct config *config = config_load(path, &report);
	char why[256];

	notify_systemd("RELOADING=1");
	log_report(&report);
	if (!config)
		log_error("the configuration has %u error%s and was refused whole; the running one stays", report.errors,
			  report.errors == 1 ? "" : "s");
	else if (!gateway_reload(g, config, why, sizeof why))
		log_error("%s", why);
	else
		log_info("configuration %llu is in force", (unsigned long long)config->version);
	config_report_done(&report);
	config_unref(config);
	resident_release(NULL);
	notify_systemd("READY=1");
}

/* Waits for signals; returns when the gateway shall end. */
static void attend(struct gateway *g, const sigset_t *signals, const char *path)
{
	bool draining = false;
	struct timespec often = { .tv_nsec = 50 * NS_PER_MS };

	for (;;) {
		int signal_number = draining ? sigtimedwait(signals, NULL, &often) : sigwaitinfo(signals, NULL);

		if (signal_number == SIGHUP && !draining) {
			reload(g, path);
		} else if (signal_number == SIGTERM || signal_number == SIGINT) {
			if (draining) {
				log_warn("ends at once, by a second signal");
				return;
			}
			draining = true;
			notify_systemd("STOPPING=1");
			log_info("drains: no new connections; open requests go on");
			gateway_drain(g);
		}
		if (draining && gateway_is_idle(g))
			return;
	}
}

static struct config *load(const char *path)
{
	struct config_report report;
	struct config *config = config_load(path, &report);

	config_file_print(&report, true, stderr);
	config_report_done(&report);
	return config;
}

static int serve(struct config *config, const char *path)
{
	char why[256], data[ADDRESS_TEXT_MAX], admin[ADDRESS_TEXT_MAX];
	struct inherited_sockets inherited = inherited_sockets();
	struct gateway *g;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	/* Before the threads, so that they inherit the mask and this one gets them all. */
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	tune_allocator(config->workers);
	log_start(STDOUT_FILENO, LOG_INFO);
	g = gateway_start(config, &inherited, why, sizeof why);
	if (!g) {
		log_stop();
		fprintf(stderr, "weir: %s\n", why);
		return 1;
	}
	gateway_address(g, data);
	gateway_admin_address(g, admin);
	log_info("weir %s listens on %s, admin on %s, %u workers, %u providers", WEIR_VERSION, data, admin, config->workers,
		 config->routing.provider_count);
	resident_release(NULL);
	notify_systemd("READY=1");
	attend(g, &signals, path);
	gateway_stop(g);
	log_info("ended");
	log_stop();
	return 0;
}

int cmd_serve(int argc, char **argv)
{
	struct options o;
	struct config *config;
	const char *path;
	int status;

	if (!options_parse(&o, &command_serve, argc, argv, &status))
		return status;
	harden_process();
	raise_descriptor_limit();
	path = config_file_path(options_get(&o, "config"));
	config = load(path);
	if (!config)
		return 1;
	status = serve(config, path);
	config_unref(config);
	return status;
}
