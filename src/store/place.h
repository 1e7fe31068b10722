/* SPDX-License-Identifier: Apache-2.0 */
/* Where the store's file is when nobody says so, and making it so that only its owner can read it. */
#pragma once

#include "base/arena.h"

/* $STATE_DIRECTORY/weir.db (systemd), else $XDG_STATE_HOME/weir/weir.db, else $HOME/.local/state/weir/weir.db; NULL
 * when none of them is set. Nothing is looked at or made. */
const char *place_default(struct arena *a);
/* Makes the file (0600) and the folders it is missing (0700). What is there already stays as it is. 0 or -errno. */
int place_make(const char *path) MUSTCHECK;
