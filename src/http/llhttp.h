/* SPDX-License-Identifier: Apache-2.0 */
/* llhttp, whose method constants would clash with message.h's: here they are called LLHTTP_…. Include this, not
 * <llhttp.h>. */
#pragma once

#include "http/message.h"

#define HTTP_GET LLHTTP_GET
#define HTTP_HEAD LLHTTP_HEAD
#define HTTP_POST LLHTTP_POST
#define HTTP_PUT LLHTTP_PUT
#define HTTP_DELETE LLHTTP_DELETE
#define HTTP_PATCH LLHTTP_PATCH
#define HTTP_OPTIONS LLHTTP_OPTIONS
#include <llhttp.h>
#undef HTTP_GET
#undef HTTP_HEAD
#undef HTTP_POST
#undef HTTP_PUT
#undef HTTP_DELETE
#undef HTTP_PATCH
#undef HTTP_OPTIONS
