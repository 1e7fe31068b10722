# SPDX-License-Identifier: Apache-2.0
"""Readers of seven dialects, written from their documentation and knowing nothing of the program: what an answer says, and what
a request asks for. Each has whole(value), stream(values) and request(value)."""

from . import anthropic, bedrock, cohere, gemini, ollama, openai_chat, openai_responses

READERS = {"openai-chat": openai_chat, "openai-responses": openai_responses, "anthropic": anthropic, "gemini": gemini,
           "bedrock": bedrock, "cohere": cohere, "ollama": ollama}
