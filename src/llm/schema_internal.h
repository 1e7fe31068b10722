/* SPDX-License-Identifier: Apache-2.0 */
/* The schema as a tree, and what its reader, its rewriter and its writer share. The tree that is read is never changed:
 * rewriting makes new nodes. All of it lives in the caller's scratch arena. */
#pragma once

#include "base/cleanup.h"
#include "llm/schema.h"
#include "llm/schema_keywords.h"

enum {
	SCHEMA_REFS_MAX = 256,         /* references to recursive types inlined within one another */
	SCHEMA_CYCLE_STEPS_MAX = 1 << 20,
	SCHEMA_WORK_MAX = 1 << 20      /* nodes, members and parts made */
};

struct schema_part {                   /* a schema inside another one */
	struct schema_part *next;
	struct slice name;             /* of a property, a definition … */
	struct slice raw_name;         /* as JSON in the source, if it stands there */
	struct schema_node *node;
	bool gathered;                 /* `node` is an anyOf made of what several branches say of one property */
};

struct schema_member {
	struct schema_member *next;
	enum schema_keyword keyword;
	enum schema_form form;
	struct slice raw_name;         /* of an unknown keyword */
	struct json value;             /* FORM_VALUE */
	struct schema_part *parts;     /* the other forms */
	struct json source;            /* for words */
	struct schema_node *target;    /* of a $ref, once resolved */
	bool resolved;
};

struct schema_words {
	struct schema_words *next;
	struct slice text;
};

struct schema_node {
	struct schema_member *members, *last;
	struct schema_words *words;    /* to be added to the description */
	uint64_t present;              /* bit per known keyword */
	struct json source;            /* missing when made up */
	bool boolean, verdict;         /* `true` and `false` are schemas as well */
	bool refers_to_itself, refers_checked;
	unsigned seen;                 /* by which search for a cycle */
	struct schema_definition *definition;
};

struct schema_definition {             /* an entry of the root's $defs */
	struct schema_definition *next;
	struct schema_node *node;
	struct schema_part part;       /* name, and what it was rewritten to */
	struct json ref;               /* the value of a `$ref` to it */
	bool original;                 /* it stood in the root's $defs already */
};

enum schema_recursion {
	RECURSION_FULL,
	RECURSION_OPTIONAL,            /* only below a property that may be left out */
	RECURSION_NONE
};

struct schema_traits {
	const char *name;
	bool typed;                    /* every schema has a type */
	bool closed;                   /* every object says additionalProperties: false */
	bool all_required;
	bool one_required;             /* every object with properties has a required one (Cohere) */
	bool object_output;            /* also structured output is an object */
	bool refs;
	enum schema_recursion recursion;
	bool openapi;                  /* UPPERCASE single types, nullable, anyOf alone, enums of strings */
	bool no_lookaround;            /* in patterns */
	bool scalar_enums;
	unsigned properties_max, levels_max, enum_values_max, optional_max; /* 0: none known */
	const char *const *formats;    /* NULL-terminated */
};

struct schema_rewriter {
	struct arena *arena;
	enum schema_target target;
	enum schema_use use;
	const struct schema_traits *traits;
	struct schema_report *report;
	struct json source;
	struct schema_node *root;
	struct schema_node *never;     /* `false` */
	struct schema_node **nodes;    /* what was read, in the order of the source */
	size_t count, cap;
	struct schema_node *strays[16]; /* read because a reference leads to a place that is no schema's */
	size_t stray_count;
	size_t work;
	unsigned made;                 /* nodes of the result */
	struct schema_node **pending;  /* of the search for a cycle */
	size_t pending_count, cycle_steps;
	unsigned search;
	unsigned unroll, refs_max;     /* how often a type may stand within itself, and how deep references go */
	struct schema_node *inlined[SCHEMA_REFS_MAX];
	unsigned inlined_count, flatten_depth;
	bool unrolled;                 /* something recursive was inlined */
	struct schema_definition *definitions, **definitions_end;
	unsigned properties, enum_values, optional;
};

/* schema_read.c */
struct schema_node *schema_read(struct schema_rewriter *r, struct json source);
/* NULL when it leads nowhere. */
struct schema_node *schema_resolve(struct schema_rewriter *r, struct schema_member *ref);
/* Whether following references from it leads back to it. */
bool schema_is_recursive(struct schema_rewriter *r, struct schema_node *n);

/* schema_node.c */
extern const struct slice schema_type_names[TYPE_COUNT];
struct schema_member *schema_find(const struct schema_node *n, enum schema_keyword keyword);
/* A new member at the end, or what was there. */
struct schema_member *schema_put(struct schema_rewriter *r, struct schema_node *n, enum schema_keyword keyword);
/* Takes over everything from `like`, a member of another node. */
struct schema_member *schema_put_like(struct schema_rewriter *r, struct schema_node *n,
				      const struct schema_member *like);
void schema_put_json(struct schema_rewriter *r, struct schema_node *n, enum schema_keyword keyword, struct slice json);
void schema_remove(struct schema_node *n, enum schema_keyword keyword);
struct schema_node *schema_new(struct schema_rewriter *r);
struct schema_node *schema_new_typed(struct schema_rewriter *r, unsigned types);
/* Shares its parts. */
struct schema_node *schema_copy(struct schema_rewriter *r, const struct schema_node *n);
struct schema_part *schema_part(struct schema_rewriter *r, struct schema_node *node);
struct schema_part *schema_part_named(struct schema_part *parts, struct slice name);
struct schema_part *schema_copy_parts(struct schema_rewriter *r, const struct schema_part *parts);
void schema_append(struct schema_part **parts, struct schema_part *part);
size_t schema_count(const struct schema_part *parts);
/* A schema that says all of what two say, unmerged. */
struct schema_node *schema_both(struct schema_rewriter *r, struct schema_node *a, struct schema_node *b);
struct json schema_json(struct schema_rewriter *r, struct slice json);
struct json schema_json_string(struct schema_rewriter *r, struct slice text);
unsigned schema_types(const struct schema_node *n);
void schema_set_types(struct schema_rewriter *r, struct schema_node *n, unsigned types);
/* An array in the making: begin, add, end. Ended, it is missing when nothing was added. */
void schema_list_begin(struct buf *list);
void schema_list_add(struct schema_rewriter *r, struct buf *list, struct slice json);
struct json schema_list_end(struct schema_rewriter *r, struct buf *list);
bool schema_array_has(struct json array, struct slice text);
/* Adds words to the description. Reporting a loss is a matter of its own. */
void schema_say(struct schema_rewriter *r, struct schema_node *n, struct slice words);
void schema_say_member(struct schema_rewriter *r, struct schema_node *n, const struct schema_member *m);
void schema_lose(struct schema_rewriter *r, struct slice keyword);
void schema_lose_keyword(struct schema_rewriter *r, enum schema_keyword keyword);
/* Always false. */
bool schema_fail(struct schema_rewriter *r, const char *reason);
/* Accounts for work; false when a bound is exceeded, for whatever reason. */
bool schema_spend(struct schema_rewriter *r, size_t work);

enum schema_action schema_action_at(const struct schema_rewriter *r, enum schema_keyword keyword);
/* It says nothing about which values there may be. */
bool schema_is_annotation(enum schema_keyword keyword);
struct schema_part *schema_properties(const struct schema_node *n);
/* The list of names; missing when there is none. */
struct json schema_required(const struct schema_node *n);
/* Whether that keyword is all there is. */
bool schema_is_bare(const struct schema_node *n, enum schema_keyword keyword);
void schema_set_true(struct schema_rewriter *r, struct schema_node *n, enum schema_keyword keyword);
bool schema_has_null(struct json array);
/* null as one more value of an enum. */
void schema_add_null_value(struct schema_rewriter *r, struct schema_node *n, const struct schema_member *values);

/* schema_alternatives.c */
/* Into the type, the enum and the anyOf, for targets that do not know the word. */
void schema_fold_nullable(struct schema_rewriter *r, struct schema_node *n);
/* One anyOf (or oneOf where it is taken) beside annotations, or none. */
void schema_settle_alternatives(struct schema_rewriter *r, struct schema_node *n, bool optional);
void schema_make_root_object(struct schema_rewriter *r, struct schema_node *n);

/* schema_refs.c */
/* Makes the root's own definitions known, so that they stay in place whether used or not. */
void schema_keep_definitions(struct schema_rewriter *r);
/* True when a `$ref` is what is left of `n`; else it has been replaced by what it refers to. */
bool schema_follow(struct schema_rewriter *r, struct schema_node *n, bool ref_may_stay, bool optional);

/* schema_merge.c */
/* A copy without references that cannot stay and without allOf. */
struct schema_node *schema_flatten(struct schema_rewriter *r, struct schema_node *n, bool ref_may_stay, bool optional);
/* Makes `n` say what `other` says as well. */
void schema_merge(struct schema_rewriter *r, struct schema_node *n, const struct schema_node *other);
/* The branches of `union_member` become properties of the one object `n`. */
void schema_merge_union(struct schema_rewriter *r, struct schema_node *n, enum schema_keyword union_keyword);

/* schema_fit.c */
/* Whether the target takes this value of a keyword that it takes. */
bool schema_fits(struct schema_rewriter *r, const struct schema_node *n, const struct schema_member *m);
/* Whether it is that keyword's kind of value at all. */
bool schema_is_sound(const struct schema_member *m);
/* From the keywords there are: 0 when they tell nothing. */
unsigned schema_infer_types(const struct schema_node *n);
/* An enum of strings only (Gemini's Schema.enum): those that may stand in it. Missing when there is none. */
struct json schema_enum_of_strings(struct schema_rewriter *r, const struct schema_node *n, struct json values);

/* schema_rewrite.c */
struct schema_node *schema_rewrite(struct schema_rewriter *r);
