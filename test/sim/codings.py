# SPDX-License-Identifier: Apache-2.0
"""Content codings. Python 3.11 has no brotli and no zstd: their C libraries are called when they are on this machine."""

import ctypes
import ctypes.util
import gzip
import zlib


def _library(name):
    path = ctypes.util.find_library(name)
    return ctypes.CDLL(path) if path else None


_brotli = _library("brotlienc")
_zstd = _library("zstd")


def brotli(data):
    size = ctypes.c_size_t(len(data) + len(data) // 2 + 1024)
    out = ctypes.create_string_buffer(size.value)
    if not _brotli.BrotliEncoderCompress(5, 22, 0, ctypes.c_size_t(len(data)), data, ctypes.byref(size), out):
        raise ValueError("brotli refused")
    return out.raw[:size.value]


def zstd(data):
    _zstd.ZSTD_compress.restype = _zstd.ZSTD_compressBound.restype = ctypes.c_size_t
    bound = _zstd.ZSTD_compressBound(ctypes.c_size_t(len(data)))
    out = ctypes.create_string_buffer(bound)
    size = _zstd.ZSTD_compress(out, ctypes.c_size_t(bound), data, ctypes.c_size_t(len(data)), 3)
    return out.raw[:size]


CODINGS = {"identity": lambda data: data, "gzip": gzip.compress, "deflate": zlib.compress}
if _brotli:
    CODINGS["br"] = brotli
if _zstd:
    CODINGS["zstd"] = zstd


def encode(data, coding):
    return CODINGS[coding](data)


def gzip_pieces(pieces):
    """A gzip stream that is flushed after every piece."""
    packer = zlib.compressobj(wbits=31)
    for piece in pieces:
        yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()
