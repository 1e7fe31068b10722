/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share while one configuration is being read: the reader, values with their places,
 * and the tables that describe every key once, for validation and for the documentation. */
#pragma once

#include "config/config.h"
#include "provider/catalogue.h"

struct fy_node;
struct fy_document;

enum {
	CONFIG_TEXT_MAX = 4 << 20,     /* bytes of a file */
	CONFIG_VALUES_MAX = 200000,    /* values looked at, aliases followed: no small file becomes a large one */
	CONFIG_PROBLEMS_MAX = 500,     /* listed; more are only counted */
	CONFIG_NESTING_MAX = 8,        /* groups in groups */
	CONFIG_TEXTS_MAX = 1000,       /* words of one list, as of tags */
	CONFIG_INSERTED_MAX = 64 << 10 /* bytes of a file named by ${file:…} */
};

/* A value as it stands in the file, with the place that a problem with it is reported at. Aliases are followed
 * already. */
struct yaml {
	struct fy_node *node;          /* NULL: nothing is written */
	unsigned line, column;         /* 1-based */
	bool broken;                   /* a problem was reported already */
};

struct yaml_member {
	struct slice key;
	struct yaml place;             /* of the key */
	struct yaml value;
};

enum yaml_kind { YAML_NOTHING, YAML_SCALAR, YAML_LIST, YAML_MAP };

struct reader {
	struct config *config;
	struct config_report *report;
	struct arena *arena;           /* the configuration's */
	unsigned values;               /* looked at so far */
	/* Shared by all providers without a `tls` of their own; NULL until one needs it: with HTTP/2, and without. */
	struct tls_context *client_tls, *client_tls_http1;
	struct map foreign_models;     /* id → struct model, of models the catalogue does not know */

	/* Values of the file that are read when everything they refer to is known. */
	struct yaml providers, models, routing;
	struct yaml listen_place, admin_listen_place, limits_place, wait_place;
	bool has_providers;
	struct attempt_timeouts timeout; /* defaults for providers */
	int retries;
};

/* config_report.c */
void report_init(struct config_report *report, const char *file);
void problem(struct reader *r, struct yaml where, const char *format, ...) PRINTF(3, 4);
void warning(struct reader *r, struct yaml where, const char *format, ...) PRINTF(3, 4);
/* Puts the problems into file order, those about no place last. */
void report_sort(struct config_report *report);

/* config_yaml.c */
/* Parses the text: the root value (nothing for an empty file). The caller destroys the document with yaml_done() when
 * no value is used any more. False when it is not YAML; the problems are reported. */
bool yaml_parse(struct reader *r, struct slice text, struct fy_document **ret_document, struct yaml *ret);
void yaml_done(struct fy_document *document);
enum yaml_kind yaml_kind(struct yaml v);
/* A scalar's text as written; lives as long as the document. */
struct slice yaml_text(struct yaml v);
bool yaml_is_quoted(struct yaml v);
/* Members of a map in file order, merge keys (<<) filled in, duplicates reported and left out. Anything but a map or
 * nothing is a problem. `what` names it in the sentence. */
unsigned yaml_members(struct reader *r, struct yaml v, const char *what, struct yaml_member **ret);
/* Items of a list; a single value counts as a list of one. */
unsigned yaml_items(struct reader *r, struct yaml v, struct yaml **ret);

/* config_expand.c */
/* Replaces ${VAR} and ${file:/path} ("$${" is a literal "${"). False with a problem that names what is missing. */
bool expand_text(struct reader *r, struct yaml where, struct slice text, struct slice *ret);

/* config_values.c: each reads one scalar; false with a problem when it is none of its kind. Messages quote what is
 * written, never what a reference expanded to. */
bool value_text(struct reader *r, struct yaml v, struct slice *ret);
bool value_integer(struct reader *r, struct yaml v, int64_t low, int64_t high, int64_t *ret);
bool value_bool(struct reader *r, struct yaml v, bool *ret);
bool value_condition(struct reader *r, struct yaml v, enum condition *ret);
/* From 0 to `high`, with up to six digits behind the point. */
bool value_number(struct reader *r, struct yaml v, double high, double *ret);
/* In parts of a million. */
bool value_share(struct reader *r, struct yaml v, uint32_t *ret);
bool value_duration(struct reader *r, struct yaml v, int64_t *ret_ms);
bool value_size(struct reader *r, struct yaml v, size_t *ret);
/* Index of the word in a NULL-ended list; an unknown one is a problem with the nearest right word, one of `later`
 * (may be NULL) is said to come later. */
bool value_word(struct reader *r, struct yaml v, const char *const *words, const char *const *later, unsigned *ret);
/* A word or a list of them, none empty; `what` names it: "'tag'". */
void value_texts(struct reader *r, struct yaml v, const char *what, struct slice **ret, unsigned *ret_count);
/* A header's name in lower case. False when it is none; nothing is reported. */
bool header_name_parse(struct reader *r, struct slice text, struct slice *ret);

/* config_sections.c */
struct key {
	const char *name;              /* "priority"; "NAME" stands for any name */
	const char *type;
	const char *fallback;          /* the default, as documented */
	const char *sentence;
	void (*read)(struct reader *r, struct yaml value, void *into); /* NULL: named by the contract, comes later */
};

struct section {
	const char *path;              /* "providers.NAME", "" at the top */
	const char *what;              /* "a provider": in sentences */
	const struct key *keys;        /* ended by a NULL name */
	const struct section *base;    /* whose keys it has too (their `into` is the same), or NULL */
};

/* Reads a map key by key; unknown keys are problems with the nearest right word. */
void section_read(struct reader *r, const struct section *s, struct yaml v, void *into);
/* All of them, NULL-ended: for the test that compares them with docs/configuration.md. */
extern const struct section *const config_sections[];
extern const struct section section_top, section_admin, section_tls, section_key, section_defaults,
	section_timeout_defaults, section_heartbeat, section_limits, section_provider, section_timeout,
	section_provider_tls, section_provider_key, section_health, section_entry, section_rule, section_match,
	section_actions, section_mirror, section_require, section_on, section_hedge, section_slow_stream, section_wait;

/* The best of the words offered to it so far, for "did you mean". */
struct nearest {
	struct slice wanted;
	struct slice best;
	unsigned distance;
};
void nearest_init(struct nearest *n, struct slice wanted);
void nearest_offer(struct nearest *n, struct slice word);
/* "; did you mean 'x'?" or an empty text, in the reader's arena. */
const char *nearest_hint(struct reader *r, const struct nearest *n);

/* config_server.c: listen, admin, workers, tls, limits */
void server_init(struct reader *r);
/* What several of its keys say together: closed by default. */
void server_finish(struct reader *r);

/* config_defaults.c: what holds where nothing is said, and `defaults`. */
void defaults_init(struct reader *r);
void defaults_finish(struct reader *r);

/* config_keys.c */
void keys_read(struct reader *r, struct yaml v, void *into);

/* config_providers.c */
struct provider_draft {
	struct provider *provider;
	const struct catalogue_provider *known; /* NULL: foreign */
	struct yaml place;
	struct yaml dialect, base_url, auth, keys, models, operations, usage, quirks, tls, quality;
};
/* All providers: of the file, or (where it has no `providers:`) those whose key variables are set. */
void providers_read(struct reader *r);
/* config_bindings.c, config_offers.c, config_credentials.c: the parts of one. */
void bindings_read(struct reader *r, struct provider_draft *d);
void offers_read(struct reader *r, struct provider_draft *d);
void credentials_read(struct reader *r, struct provider_draft *d);
/* Of a catalogue provider: the value of its first key variable that is set, NULL pointer when none is. */
struct slice credential_from_environment(const struct catalogue_provider *known);

/* config_addresses.c */
/* Where a binding of the catalogue is, its variables filled in. False when one that has no default is not set: its name
 * is in `ret_missing`. */
bool address_find(struct arena *a, const struct catalogue_binding *known, struct slice *ret, struct slice *ret_missing);

/* config_health.c: `health` of a provider. */
void health_read(struct reader *r, struct yaml v, struct provider *ret);

/* config_targets.c: words that name where a request may go, resolved against what is configured. */
enum { CONFIG_TARGETS_MAX = 64 };
/* `self` is the `models:` entry that the word stands in (its own name means the model), or empty. */
bool target_resolve(struct reader *r, struct yaml where, struct slice word, struct slice self, struct try_item *ret);
/* A list of them; `what` names it: "'try'". */
void targets_read(struct reader *r, struct yaml v, const char *what, struct slice self, struct try_list *ret);

/* config_resilience.c: what happens when something fails, for rules, entries and `defaults`. */
void hedge_read(struct reader *r, struct yaml v, struct hedge *ret);
void slow_stream_read(struct reader *r, struct yaml v, struct slow_stream *ret);
void rescue_read(struct reader *r, struct yaml v, struct rescue_list *ret);
void when_down_read(struct reader *r, struct yaml v, enum when_down *ret);
void unsupported_read(struct reader *r, struct yaml v, enum unsupported *ret);
/* `wait` stands for `when_down: wait`, and contradicts its other words. `wait`: nothing when it is not written. */
void wait_read(struct reader *r, struct yaml v, struct wait_policy *ret);
void wait_finish(struct reader *r, struct yaml wait, enum when_down *when_down);

/* config_actions.c: what rules and entries of `models` have in common. */
enum action {
	ACTION_TRY,
	ACTION_SPLIT,
	ACTION_STICKY,
	ACTION_PREFER,
	ACTION_MIRROR,
	ACTION_HEDGE,
	ACTION_SLOW_STREAM,
	ACTION_REQUIRE,
	ACTION_ON,
	ACTION_RESCUE,
	ACTION_WHEN_DOWN,
	ACTION_WAIT,
	ACTION_AFFINITY,
	ACTION_UNSUPPORTED,
	ACTION_COUNT
};

/* First member of the drafts of both: section_actions reads into it. */
struct actions_draft {
	struct actions *actions;
	struct slice *route;
	struct slice self;             /* the entry's name; empty in a rule */
	struct yaml place;
	struct yaml said[ACTION_COUNT]; /* line 0: not written */
	unsigned errors;               /* of the report when reading it began */
};
void actions_init(struct actions_draft *d, struct reader *r, struct yaml place, struct slice *route,
		  struct actions *actions);
/* What its words say together. */
void actions_finish(struct reader *r, struct actions_draft *d);
const char *action_name(enum action a);

/* config_require.c: warns of regions that nobody is in; and, when all entries have been read, where nobody is left. */
void require_regions_read(struct reader *r, struct yaml v, struct require *ret);
void require_check(struct reader *r, const struct actions_draft *d);

/* config_match.c */
void match_read(struct reader *r, struct yaml v, struct match *ret);

/* config_reach.c: warns of rules behind one that takes all they would match. `places`: of the rules. */
void reach_check(struct reader *r, const struct yaml *places);

/* config_models.c */
void models_read(struct reader *r);

/* config_rules.c */
void rules_read(struct reader *r);
