# SPDX-License-Identifier: Apache-2.0
"""Checks providers.yaml and models.yaml and writes them, with condensed.json, as C tables for src/provider/catalogue.h.

usage: compile.py providers.yaml models.yaml condensed.json catalogue.gen.c
Anything that is not exactly as documented at the head of the files is an error that says where.
"""
import pathlib
import re
import sys
from decimal import Decimal, InvalidOperation

import yaml

DIALECTS = {
    "openai-chat": "DIALECT_OPENAI_CHAT",
    "openai-responses": "DIALECT_OPENAI_RESPONSES",
    "anthropic": "DIALECT_ANTHROPIC",
    "gemini": "DIALECT_GEMINI",
    "bedrock": "DIALECT_BEDROCK",
    "cohere": "DIALECT_COHERE",
    "ollama": "DIALECT_OLLAMA",
}
OPERATIONS = {
    "chat": "OPERATION_CHAT",
    "completions": "OPERATION_COMPLETIONS",
    "embeddings": "OPERATION_EMBEDDINGS",
    "count_tokens": "OPERATION_COUNT_TOKENS",
    "compact": "OPERATION_COMPACT",
}
USAGE = {"asked": "USAGE_ASKED", "always": "USAGE_ALWAYS", "never": "USAGE_NEVER"}
AUTH = {"none": "AUTH_NONE", "bearer": "AUTH_BEARER", "sigv4": "AUTH_SIGV4", "google": "AUTH_GOOGLE", "azure": "AUTH_AZURE"}
ABILITIES = {
    "tools": "NEEDS_TOOLS",
    "images": "NEEDS_IMAGES",
    "audio": "NEEDS_AUDIO",
    "documents": "NEEDS_DOCUMENTS",
    "structured_output": "NEEDS_STRUCTURED_OUTPUT",
    "reasoning": "NEEDS_REASONING",
}
# Whether a request may refer to stored state is a matter of the provider, not of the model: no row takes it away.
EVERY_MODEL = "NEEDS_STATE"
# Quality is the tier's rank until evaluations say better.
TIERS = {None: ("TIER_NONE", 0), "cheap": ("TIER_CHEAP", 1), "fast": ("TIER_FAST", 2), "frontier": ("TIER_FRONTIER", 3)}
RATES = ("input", "output", "cached", "written_5m", "written_1h", "input_audio", "output_audio", "cached_audio",
         "input_image", "output_image", "reasoning")
SERVICES = {"standard": "SERVICE_STANDARD", "batch": "SERVICE_BATCH", "flex": "SERVICE_FLEX", "priority": "SERVICE_PRIORITY"}
NANO_PER_DOLLAR = 10**9
QUIRK = re.compile(r"^\tX\(([A-Z_]+)\)\s*/\* (.*?) \*/", re.MULTILINE)
REFERENCE = re.compile(r"\$\{[A-Z_]+(?:\|[A-Z_]+)*(?::-[a-z0-9-]+|=[a-z0-9-]+)?\}")


def refuse(place, sentence):
    sys.exit(f"catalogue: {place}: {sentence}")


class UniqueKeys(yaml.SafeLoader):
    """YAML in which a repeated key is an error, and every scalar is text (prices stay exact)."""


def no_duplicates(loader, node):
    seen = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            refuse(f"line {key_node.start_mark.line + 1}", f"'{key}' stands twice")
        seen[key] = loader.construct_object(value_node, deep=True)
    return seen


UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, no_duplicates)
for tag in ("int", "float", "timestamp"):
    UniqueKeys.add_constructor("tag:yaml.org,2002:" + tag, lambda loader, node: loader.construct_scalar(node))


def load(path):
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, Loader=UniqueKeys)


def only(place, mapping, required, optional=()):
    if not isinstance(mapping, dict):
        refuse(place, "should be a map")
    for key in mapping:
        if key not in required and key not in optional:
            refuse(place, f"unknown key '{key}'")
    for key in required:
        if mapping.get(key) in (None, "", []):
            refuse(place, f"'{key}' is missing")


def text(value):
    if value is None:
        return "NULL"
    value = str(value)
    if any(ord(c) < 32 or c in '"\\' or ord(c) > 126 for c in value):
        refuse(value, "has a character that does not belong in a name")
    return f'"{value}"'


def strings(values):
    return "(const char *const[]){ " + "".join(text(v) + ", " for v in values) + "NULL }"


def one_of(place, value, table, what):
    if value not in table:
        refuse(place, f"unknown {what} '{value}'")
    return table[value]


def bits(place, values, table, what):
    if not isinstance(values, list):
        refuse(place, f"{what} should be a list")
    return [one_of(place, v, table, what) for v in values]


def number(place, value, unit=1):
    try:
        scaled = Decimal(value) * unit
    except (InvalidOperation, TypeError):
        refuse(place, f"'{value}' is not a number")
    if scaled < 0 or scaled != scaled.to_integral_value() or scaled >= 2**63:
        refuse(place, f"'{value}' is out of range")
    return int(scaled)


def rate(place, prices, name):
    return "PRICE_UNKNOWN" if name not in prices else str(number(place, prices[name], NANO_PER_DOLLAR))


def quirk_names():
    """As src/llm/quirks.h lists them, with what its comments say."""
    header = pathlib.Path(__file__).resolve().parent.parent / "src" / "llm" / "quirks.h"
    listed = header.read_text(encoding="utf-8")
    named = {name.lower(): words for name, words in QUIRK.findall(listed)}
    if len(named) != listed.count("\n\tX("):
        refuse("src/llm/quirks.h", "a quirk has no comment in its line")
    return named


def base_urls(place, binding, local):
    """A text or a list of texts, with ${A|B}, ${A:-word} and ${A=word}."""
    urls = binding["base_url"] if isinstance(binding["base_url"], list) else [binding["base_url"]]
    scheme = "http://127.0.0.1:" if local else "https://"
    for url in urls:
        if not url.startswith(scheme) or url.endswith("/"):
            refuse(place, f"base_url begins with {scheme} and has no slash at its end")
        if "$" in REFERENCE.sub("", url):
            refuse(place, f"'{url}' has something else than ${{A|B}}, ${{A:-word}} and ${{A=word}}")
    return urls


def write_binding(place, binding, local):
    only(place, binding, ("dialect", "base_url", "operations", "auth", "usage_in_stream", "source"),
         ("headers", "quirks", "scope"))
    urls = base_urls(place, binding, local)
    auth, header = binding["auth"], None
    if auth.startswith("header:"):
        auth, header = "AUTH_HEADER", auth[len("header:"):]
    else:
        auth = one_of(place, auth, AUTH, "auth")
    headers = [part for pair in binding.get("headers", {}).items() for part in pair]
    operations = [f"1u << {name}" for name in bits(place, binding["operations"], OPERATIONS, "operation")]
    known = {name: f"QUIRK_{name.upper()}" for name in quirk_names()}
    quirks = bits(place, binding.get("quirks", []), known, "quirk")
    return (
        f"\t\t{{ {one_of(place, binding['dialect'], DIALECTS, 'dialect')}, {strings(urls)},\n"
        f"\t\t  {' | '.join(operations)},\n"
        f"\t\t  {one_of(place, binding['usage_in_stream'], USAGE, 'usage_in_stream')}, {auth}, {text(header)},"
        f" {text(binding.get('scope'))}, {strings(headers)},\n"
        f"\t\t  {' | '.join(quirks) or '0'} }},\n"
    )


def write_provider(name, provider, tables):
    only(name, provider, ("title", "bindings"), ("keys", "reseller", "local"))
    local = bool(provider.get("local"))
    dialects = [binding.get("dialect") for binding in provider["bindings"]]
    if len(set(dialects)) != len(dialects):
        refuse(name, "has two bindings for one dialect")
    symbol = name.replace("-", "_")
    bindings = "".join(write_binding(f"{name}, binding {i + 1}", b, local) for i, b in enumerate(provider["bindings"]))
    offers = tables.offers(name, {o for binding in provider["bindings"] for o in binding["operations"]})
    written = (
        f"static const struct catalogue_binding bindings_of_{symbol}[] = {{\n{bindings}}};\n"
        + (f"static const struct catalogue_offer offers_of_{symbol}[] = {{\n{''.join(offers)}}};\n\n" if offers else "\n")
    )
    row = (
        f"\t{{ .name = {text(name)}, .title = {text(provider['title'])}, .key_variables = {strings(provider.get('keys', []))},\n"
        f"\t  .local = {'true' if local else 'false'}, .reseller = {'true' if provider.get('reseller') else 'false'},\n"
        f"\t  .bindings = bindings_of_{symbol}, .binding_count = {len(provider['bindings'])},\n"
        f"\t  .offers = {f'offers_of_{symbol}' if offers else 'NULL'}, .offer_count = {len(offers)} }},\n"
    )
    return written, row


def compile_catalogue(providers_path, models_path, condensed_path):
    import compile_models              # which takes its helpers from here

    providers_file, models_file = load(providers_path), load(models_path)
    only(providers_path, providers_file, ("version", "providers"))
    only(models_path, models_file, ("sources", "tiers", "names", "models"))
    providers = providers_file["providers"]
    tiers = [(re.compile(pattern), tier) for tier, patterns in models_file["tiers"].items() for pattern in patterns]
    version, models = compile_models.read(models_file, pathlib.Path(condensed_path), tiers)
    for name, model in models.items():
        for provider in model["offers"]:
            one_of(name, provider, providers, "provider")
    tables = compile_models.Tables(models)
    written = [write_provider(name, provider, tables) for name, provider in providers.items()]
    return "".join(
        [
            "/* SPDX-License-Identifier: Apache-2.0 */\n",
            "/* Made by catalogue/compile.py from providers.yaml, models.yaml and condensed.json: edit the first two. */\n",
            '#include "provider/catalogue.h"\n\n',
            f"const char catalogue_version[] = {text(max(version, providers_file['version']))};\n\n",
            tables.text(),
            tables.price_text(),
            *[tables for tables, _ in written],
            "const struct catalogue_provider catalogue_providers[] = {\n",
            *[row for _, row in written],
            f"}};\nconst unsigned catalogue_provider_count = {len(providers)};\n",
        ]
    )


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    source = compile_catalogue(*sys.argv[1:4])
    with open(sys.argv[4], "w", encoding="utf-8") as out:
        out.write(source)
