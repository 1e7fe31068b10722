# SPDX-License-Identifier: Apache-2.0
"""What providers that hold a model to a JSON schema ask of the schema itself (DIALECTS §3.8)."""

NESTED = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
NESTED_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
NESTED_MAPS = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")


def each(schema, path=()):
    """The schema and all in it, with the path to each; values of `enum`, `const` and `default` are no schemas."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for word in NESTED:
        yield from each(schema.get(word), (*path, word))
    for word in NESTED_LISTS:
        for number, part in enumerate(schema.get(word) or []):
            yield from each(part, (*path, word, str(number)))
    for word in NESTED_MAPS:
        for name, part in (schema.get(word) or {}).items():
            yield from each(part, (*path, word, name))


def is_object(schema):
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema


def unknown_word(schema, allowed):
    """The first keyword that is not one of `allowed`."""
    for _, part in each(schema):
        for word in part:
            if word not in allowed:
                return word
    return None


OPENAI_WORDS = {"type", "properties", "items", "enum", "description", "required", "additionalProperties", "$ref", "$defs", "definitions",
                "anyOf", "const", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
                "minItems", "maxItems", "title", "$schema", "$id", "$anchor"}


def openai_problem(schema, what):
    """OpenAI's strict mode: every property required, nothing additional, a root that is an object."""
    if schema.get("type") != "object":
        return f"Invalid schema for {what}: schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."
    if "anyOf" in schema:
        return f"Invalid schema for {what}: schema must not have 'anyOf' at the top level."
    for path, part in each(schema):
        context = "(" + ", ".join(repr(step) for step in path) + ("," if len(path) == 1 else "") + ")"
        for word in part:
            if word not in OPENAI_WORDS:
                return f"Invalid schema for {what}: In context={context}, '{word}' is not permitted."
        if is_object(part):
            if part.get("additionalProperties") is not False:
                return (f"Invalid schema for {what}: In context={context}, 'additionalProperties' is required to be supplied and to be "
                        "false.")
            missing = sorted(set(part.get("properties", {})) - set(part.get("required", [])))
            if missing:
                return (f"Invalid schema for {what}: In context={context}, 'required' is required to be supplied and to be an array "
                        f"including every key in properties. Missing '{missing[0]}'.")
    return None


ANTHROPIC_REFUSED = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
                     "maxItems", "uniqueItems", "prefixItems", "not", "if", "then", "else", "oneOf", "dependentSchemas",
                     "patternProperties", "propertyNames", "minProperties", "maxProperties"}


def anthropic_problem(schema, where):
    for _, part in each(schema):
        refused = sorted(ANTHROPIC_REFUSED & set(part))
        if part.get("minItems", 0) not in (0, 1):
            refused.append("minItems")
        if refused:
            return f"{where}: For '{part.get('type')}' type, properties {', '.join(refused)} are not supported"
        if is_object(part) and part.get("additionalProperties") is not False:
            return f"{where}: For 'object' type, 'additionalProperties' must be explicitly set to false"
    return None


GEMINI_SCHEMA = {"type", "format", "title", "description", "nullable", "enum", "items", "maxItems", "minItems", "properties", "required",
                 "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering", "default",
                 "minimum", "maximum"}
GEMINI_JSON_SCHEMA = {"$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems",
                      "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required",
                      "propertyOrdering"}
