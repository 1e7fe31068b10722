/* SPDX-License-Identifier: Apache-2.0 */
/* How large media in base64 are: a picture's width and height, a document's pages. That is what providers count by.
 * Nothing is decoded as a whole; a byte is taken from the four characters it is in. */
#include "llm/estimate.h"

#include "base/base64.h"

struct bytes {
	struct slice text;
	bool broken;                   /* past the end, or no base64 */
};

static uint32_t byte_at(struct bytes *b, size_t i)
{
	size_t at = i / 3 * 4 + i % 3;
	int high, low;

	if (b->broken || at + 1 >= b->text.len || (high = base64_digit(b->text.ptr[at])) < 0 ||
	    (low = base64_digit(b->text.ptr[at + 1])) < 0) {
		b->broken = true;
		return 0;
	}
	return ((unsigned)high << (2 + i % 3 * 2) | (unsigned)low >> (4 - i % 3 * 2)) & 0xff;
}

static uint32_t big(struct bytes *b, size_t i, size_t count)
{
	uint32_t value = 0;

	for (size_t k = 0; k < count; k++)
		value = value << 8 | byte_at(b, i + k);
	return value;
}

static uint32_t little(struct bytes *b, size_t i, size_t count)
{
	uint32_t value = 0;

	for (size_t k = count; k-- > 0;)
		value = value << 8 | byte_at(b, i + k);
	return value;
}

enum { JPEG_SEGMENTS_MAX = 256 };

/* ITU T.81 annex B: segments up to the frame's header, SOF0…SOF15 without DHT, JPG and DAC. */
static bool jpeg_size(struct bytes *b, uint32_t *ret_width, uint32_t *ret_height)
{
	size_t at = 2;

	for (unsigned i = 0; i < JPEG_SEGMENTS_MAX && !b->broken; i++) {
		uint32_t marker = byte_at(b, at + 1);

		if (byte_at(b, at) != 0xff)
			return false;
		if (marker == 0xff) {          /* a fill byte */
			at++;
			continue;
		}
		if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc) {
			*ret_height = big(b, at + 5, 2);
			*ret_width = big(b, at + 7, 2);
			return true;
		}
		at += 2 + big(b, at + 2, 2);
	}
	return false;
}

/* RFC 9649: the size's place depends on the first chunk. */
static bool webp_size(struct bytes *b, uint32_t *ret_width, uint32_t *ret_height)
{
	uint32_t bits;

	switch (big(b, 12, 4)) {
	case 0x56503820:               /* "VP8 " */
		*ret_width = little(b, 26, 2) & 0x3fff;
		*ret_height = little(b, 28, 2) & 0x3fff;
		return true;
	case 0x5650384c:               /* "VP8L" */
		bits = little(b, 21, 4);
		*ret_width = (bits & 0x3fff) + 1;
		*ret_height = (bits >> 14 & 0x3fff) + 1;
		return true;
	case 0x56503858:               /* "VP8X" */
		*ret_width = little(b, 24, 3) + 1;
		*ret_height = little(b, 27, 3) + 1;
		return true;
	default:
		return false;
	}
}

bool picture_size(struct slice base64, uint32_t *ret_width, uint32_t *ret_height)
{
	struct bytes b = { .text = base64 };
	uint32_t start = big(&b, 0, 4);
	bool found = false;

	*ret_width = *ret_height = 0;
	if (start == 0x89504e47) {             /* PNG: IHDR is the first chunk */
		*ret_width = big(&b, 16, 4);
		*ret_height = big(&b, 20, 4);
		found = true;
	} else if (start == 0x47494638) {      /* GIF8 */
		*ret_width = little(&b, 6, 2);
		*ret_height = little(&b, 8, 2);
		found = true;
	} else if (start == 0x52494646 && big(&b, 8, 4) == 0x57454250) {
		found = webp_size(&b, ret_width, ret_height);
	} else if (start >> 8 == 0xffd8ff) {
		found = jpeg_size(&b, ret_width, ret_height);
	}
	return found && !b.broken && *ret_width > 0 && *ret_height > 0;
}

/* ISO 32000-1 §7.7.3.3: each page is a dictionary with /Type /Page, the tree's nodes are /Pages. Newer files may have
 * them compressed. */
static unsigned pdf_pages(struct bytes *b)
{
	static const char type[] = "/Type";
	unsigned pages = 0, matched = 0;

	for (size_t i = 0;; i++) {
		char c = (char)byte_at(b, i);

		if (b->broken)
			return pages;
		matched = c == type[matched] ? matched + 1 : c == type[0];
		if (matched < sizeof(type) - 1)
			continue;
		matched = 0;
		i += byte_at(b, i + 1) == ' ';
		if (big(b, i + 1, 4) == 0x2f506167 && big(b, i + 5, 1) == 'e' && big(b, i + 6, 1) != 's')
			pages++;
	}
}

enum { PAGE_BYTES = 60000 };           /* a page of a document that does not show how many it has */

unsigned document_pages(struct slice base64)
{
	struct bytes b = { .text = base64 };
	unsigned pages = big(&b, 0, 4) == 0x25504446 ? pdf_pages(&b) : 0;

	return pages > 0 ? pages : (unsigned)(base64.len / 4 * 3 / PAGE_BYTES) + 1;
}
