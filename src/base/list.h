/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive doubly linked list. The head is a node of its own; an unlinked node points to itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "base/cleanup.h"

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *l) { l->prev = l->next = l; }
static inline bool list_is_empty(const struct list *l) { return l->next == l; }
static inline void list_insert_before(struct list *position, struct list *node)
{
	node->prev = position->prev;
	node->next = position;
	position->prev->next = node;
	position->prev = node;
}
static inline void list_append(struct list *head, struct list *node) { list_insert_before(head, node); }
static inline void list_prepend(struct list *head, struct list *node) { list_insert_before(head->next, node); }
/* Safe on a node that is on no list, as long as it was initialised. */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}
#define LIST_ENTRY(node, type, member) CONTAINER_OF(node, type, member)
/* The body may not remove `node`; take the next pointer first if it must. */
#define LIST_EACH(node, head) for (struct list *node = (head)->next; node != (head); node = node->next)
