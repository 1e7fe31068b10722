# SPDX-License-Identifier: Apache-2.0
"""The providers' own specifications as JSON schemas, from ../shared/wire/specs where that is beside the project (or the folder that
WEIR_SPECIFICATIONS names): OpenAPI for OpenAI, Cohere, Ollama and Mistral, botocore's model for Bedrock, protocol buffers for
Gemini. Anthropic publishes none: schemas/anthropic.json was condensed by hand from the types of its SDK."""

import functools
import json
import os
import pathlib
import re

import yaml

from readers import gemini

try:
    import jsonschema
except ImportError:                # python3-jsonschema is asked for by `./dev corpus` only
    jsonschema = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent


def folder():
    named = os.environ.get("WEIR_SPECIFICATIONS")
    return pathlib.Path(named) if named else ROOT / "../shared/wire/specs"


# ---- OpenAPI ----

def from_openapi(node):
    """`nullable` as a type, and oneOf as anyOf: the documents have many alternatives that fit at once."""
    if isinstance(node, list):
        return [from_openapi(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {name: from_openapi(value) for name, value in node.items() if name not in ("discriminator", "example", "examples", "default")}
    if isinstance(node.get("oneOf"), list):
        node["anyOf"] = node.pop("oneOf")
    if node.pop("nullable", False) is True:
        return {"anyOf": [node, {"type": "null"}]}
    return node


def members(document, schema, seen=()):
    """All members that an object's schema knows, through references and unions; None = any."""
    if "$ref" in schema:
        path = schema["$ref"].removeprefix("#/").split("/")
        return members(document, functools.reduce(lambda node, name: node[name], path, document), seen)
    found = set(schema.get("properties", {}))
    for name in ("allOf", "anyOf"):
        for part in schema.get(name, []):
            found |= members(document, part, seen)
    return found


def openapi(file, schema, load):
    document = load((folder() / file).read_text())
    wanted = schema(document)
    document = {"components": {"schemas": from_openapi(document["components"]["schemas"])}}
    wanted = from_openapi(wanted)
    top = {**wanted, "components": document["components"]}
    return top, members(document, wanted)


def yaml_load(text):
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


# ---- botocore ----

def botocore(file, shape):
    shapes = json.loads((folder() / file).read_text())["shapes"]
    definitions = {name: from_shape(value) for name, value in shapes.items()}
    return {"$ref": f"#/$defs/{shape}", "$defs": definitions}, None


def from_shape(shape):
    kind = shape["type"]
    if shape.get("document"):
        return {}
    if kind == "structure":
        body = {name: {"$ref": f"#/$defs/{member['shape']}"} for name, member in shape.get("members", {}).items()
                if member.get("location") not in ("uri", "header")}
        result = {"type": "object", "properties": body, "additionalProperties": False}
        if shape.get("union"):
            result.update(minProperties=1, maxProperties=1)
        required = [name for name in shape.get("required", []) if name in body]
        return {**result, "required": required} if required else result
    if kind == "list":
        return {"type": "array", "items": {"$ref": f"#/$defs/{shape['member']['shape']}"},
                **{there: shape[here] for here, there in (("min", "minItems"), ("max", "maxItems")) if here in shape}}
    if kind == "map":
        return {"type": "object", "additionalProperties": {"$ref": f"#/$defs/{shape['value']['shape']}"}}
    if kind in ("integer", "long", "float", "double"):
        return {"type": "number" if kind in ("float", "double") else "integer",
                **{there: shape[here] for here, there in (("min", "minimum"), ("max", "maximum")) if here in shape}}
    if kind == "string":
        return {"type": "string", **({"enum": shape["enum"]} if "enum" in shape else {}),
                **{there: shape[here] for here, there in (("min", "minLength"), ("max", "maxLength"), ("pattern", "pattern")) if here in shape}}
    return {"blob": {"type": "string", "pattern": "^[A-Za-z0-9+/]*=*$"}, "boolean": {"type": "boolean"}}.get(kind, {})


# ---- protocol buffers ----

NUMBERS = {"int32", "int64", "uint32", "uint64", "float", "double"}
ANYTHING = {"google.protobuf.Struct": {"type": "object"}, "google.protobuf.Value": {}, "google.protobuf.ListValue": {"type": "array"},
            "google.protobuf.Duration": {"type": "string"}, "google.protobuf.Timestamp": {"type": "string"},
            "google.type.LatLng": {"type": "object"}, "google.protobuf.Any": {"type": "object"}}
# Known to Google's SDK and its guides before the published protocol buffers had them (@google/genai 3.1.0, genai.d.ts).
YOUNGER = {"GenerateContentRequest": ("serviceTier", "store", "continuationToken", "labels"),
           "FunctionResponsePart": ("fileData",), "GenerationConfig": ("enableEnhancedCivicAnswers",)}


def camel(name):
    return re.sub(r"_(\w)", lambda match: match.group(1).upper(), name)


def proto_messages(text):
    """{path of a message or enum: its own statements}, comments and options gone."""
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"\[[^\[\]]*\]", "", text)
    found, path, statement = {}, [], ""
    for piece in re.split(r"([{};])", text):
        if piece == "{":
            kind, _, name = " ".join(statement.split()).partition(" ")
            if kind in ("message", "enum"):
                path.append(name)
                found[".".join(filter(None, path))] = (kind, [])
            else:
                path.append("")
            statement = ""
        elif piece == "}":
            path.pop() if path else None
            statement = ""
        elif piece == ";":
            owner = ".".join(filter(None, path))
            if owner in found and statement.strip():
                found[owner][1].append(" ".join(statement.split()))
            statement = ""
        else:
            statement += piece
    return found


def proto_type(name, owner, messages):
    if name in NUMBERS:
        return {"type": ["number", "string"]} if "64" in name else {"type": "number"}
    if name in ("string", "bytes"):
        return {"type": "string"}
    if name == "bool":
        return {"type": "boolean"}
    if name in ANYTHING:
        return ANYTHING[name]
    scope = owner.split(".")
    for depth in range(len(scope), -1, -1):
        full = ".".join([*scope[:depth], name])
        if full in messages:
            return {"$ref": f"#/$defs/{full}"}
    return {}


def proto_message(owner, statements, messages):
    members_ = {}
    for line in statements:
        field = re.match(r"(?:(repeated|optional) )?(map ?< ?\w+, ?([\w.]+) ?>|[\w.]+) (\w+) ?= ?\d+$", line)
        if not field:
            continue
        label, type_, of_map, name = field.groups()
        schema = proto_type(of_map or type_.removeprefix(".google.ai.generativelanguage.v1beta."), owner, messages)
        if of_map:
            schema = {"type": "object", "additionalProperties": schema}
        members_[camel(name)] = {"type": "array", "items": schema} if label == "repeated" else schema
    members_.update({name: {} for name in YOUNGER.get(owner, ())})
    return {"type": "object", "properties": members_, "additionalProperties": False}


def protocol_buffers(files, message):
    """Messages of several files of the same family, put together: each knows members that the other does not."""
    texts = [(folder() / file).read_text() for file in files]
    parts = [proto_messages(text) for text in texts]
    messages = {name: kind for part in parts for name, (kind, _) in part.items()}
    definitions = {}
    for part in parts:
        for name, (kind, statements) in part.items():
            if kind == "enum":
                words = [match.group(1) for match in (re.match(r"(\w+) ?= ?-?\d+$", line) for line in statements) if match]
                known = definitions.setdefault(name, {"enum": []})
                # Schema's types in lower case are understood, too (recorded).
                lower = [word.lower() for word in words] if name == "Type" else []
                known["enum"] = sorted({*known["enum"], *words, *lower})
            else:
                schema = proto_message(name, statements, messages)
                known = definitions.setdefault(name, schema)
                known["properties"] = {**schema["properties"], **known["properties"]}
    definitions["ThinkingConfig.ThinkingLevel"] = {"enum": ["MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"]}
    for name in ("GenerationConfig.ThinkingConfig", "ThinkingConfig"):
        if name in definitions:
            definitions[name]["properties"]["thinkingLevel"] = {"$ref": "#/$defs/ThinkingConfig.ThinkingLevel"}
    return {"$ref": f"#/$defs/{message}", "$defs": definitions}, None


# ---- all of them ----

def cohere_schema(document):
    return document["paths"]["/v2/chat"]["post"]["requestBody"]["content"]["application/json"]["schema"]


def component(name):
    return lambda document: document["components"]["schemas"][name]


SOURCES = {
    "openai-chat": lambda: openapi("openai/openapi.json", component("CreateChatCompletionRequest"), json.loads),
    "openai-responses": lambda: openapi("openai/openapi.json", component("CreateResponse"), json.loads),
    "cohere": lambda: openapi("cohere/cohere-openapi.yaml", cohere_schema, yaml_load),
    "ollama": lambda: openapi("ollama/openapi.yaml", component("ChatRequest"), yaml_load),
    "mistral": lambda: openapi("mistral/openapi.yaml", component("ChatCompletionRequest"), yaml_load),
    "bedrock": lambda: botocore("bedrock/bedrock-runtime-service-2.json", "ConverseRequest"),
    "gemini": lambda: protocol_buffers(("google/generativelanguage-v1beta-content.proto",
                                        "google/generativelanguage-v1beta-generative_service.proto",
                                        "google/generativelanguage-v1beta-safety.proto", "google/aiplatform-v1beta1-content.proto",
                                        "google/aiplatform-v1-content.proto", "google/aiplatform-v1beta1-tool.proto"),
                                       "GenerateContentRequest"),
    "anthropic": lambda: (json.loads((HERE / "schemas/anthropic.json").read_text()), None),
}


def missing():
    """Why requests cannot be held against the specifications; None if they can."""
    if jsonschema is None:
        return "python3-jsonschema is not installed"
    return None if folder().is_dir() else "there are no specifications beside the project"


@functools.cache
def validator(target):
    if missing():
        return None, None
    schema, known = SOURCES[target]()
    return jsonschema.Draft202012Validator(schema), known


def describe(error):
    """What did not fit, of a union in the alternative that was meant: the one whose kind (type, role) is right."""
    while error.context:
        branches = {}
        for inner in error.context:
            branches.setdefault(inner.relative_schema_path[0], []).append(inner)
        wrong_kind = {number: any(inner.path and inner.path[-1] in ("type", "role") or inner.validator == "type" and not inner.path
                                  for inner in inners) for number, inners in branches.items()}
        meant = min(branches, key=lambda number: (wrong_kind[number], len(branches[number])))
        error = branches[meant][0]
    where = "/".join(str(step) for step in error.absolute_path)
    return f"{where}: {error.message[:200]}"


def problems(target, value):
    """What is wrong with a request; nothing when there is no specification here."""
    checker, known = validator(target)
    if checker is None:
        return []
    if target == "gemini":
        value = gemini.camel(value)
    found = [describe(error) for error in checker.iter_errors(value)]
    return found + [f"{name} is not known there" for name in sorted(set(value) - known if known else ())]
