# SPDX-License-Identifier: Apache-2.0
"""The seven dialects: what a valid request is, what whole answers, streams and errors look like. Shapes and words are those of the
providers' API descriptions and of recorded traffic; a file per dialect."""

import re

from .anthropic import Anthropic
from .bedrock import Bedrock
from .cohere import Cohere
from .gemini import Gemini
from .ollama import Ollama
from .openai_chat import OpenAIChat
from .openai_responses import OpenAIResponses
from .reply import Event, Reply, Usage, dump, sign, sign_call, sse

__all__ = ["DIALECTS", "Event", "Reply", "Usage", "dump", "of_path", "sign", "sign_call", "sse", "validate"]

DIALECTS = {d.name: d for d in (OpenAIChat(), OpenAIResponses(), Anthropic(), Gemini(), Bedrock(), Cohere(), Ollama())}

_PATHS = [
    (re.compile(r"^(/\w+)*/(v1|v1beta/openai)/(chat/completions|completions|embeddings)$"), "openai-chat"),
    (re.compile(r"^(/\w+)*/v1/responses(/input_tokens|/compact)?$"), "openai-responses"),
    (re.compile(r"^(/\w+)*/v1/messages(/count_tokens)?$"), "anthropic"),
    (re.compile(r"^(/\w+)*/v1(beta)?/models/[^/]+:(generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents)$"),
     "gemini"),
    # An id's ':' and '/' are escaped in the path.
    (re.compile(r"^/model/[A-Za-z0-9._~%-]+/converse(-stream)?$"), "bedrock"),
    (re.compile(r"^/v2/chat$"), "cohere"),
    (re.compile(r"^/api/chat$"), "ollama"),
]


def of_path(path):
    for pattern, name in _PATHS:
        if pattern.match(path):
            return DIALECTS[name]
    return None


def validate(sim, request):
    """What a real provider would refuse: (status, dialect, message, type, code), or None."""
    dialect = of_path(request.path)
    if dialect is None or dialect.name not in sim.speaks:
        return 404, sim.speaks[0], f"Invalid URL ({request.method} {request.path})", None, False
    if request.method != "POST":
        return 405, dialect.name, f"Not allowed to {request.method} on {request.path}", None
    if sim.key is not None:
        problem = dialect.credential_problem(sim, request)
        if problem:
            return problem
    if (request.header("content-type") or "").split(";")[0].strip() != "application/json":
        return 415, dialect.name, "Unsupported content type: it should be application/json", None
    if request.header("content-encoding"):
        return 415, dialect.name, "Unsupported content coding", None
    if request.body_length != len(request.body):
        return None  # too long to be kept: not looked into
    try:
        value = request.json()
    except ValueError:
        return 400, dialect.name, "We could not parse the JSON body of your request.", None
    if not isinstance(value, dict):
        return 400, dialect.name, "The body should be a JSON object.", None
    return dialect.request_problem(sim, request, value)
