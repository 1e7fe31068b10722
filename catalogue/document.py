# SPDX-License-Identifier: Apache-2.0
"""Writes docs/providers.md from providers.yaml and the comments of src/llm/quirks.h.

usage: document.py [--check]
With --check it writes nothing and fails when the page is not what it would write.
"""
import pathlib
import re
import sys

from compile import load, quirk_names

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "providers.md"
VARIABLE = re.compile(r"\$\{([A-Z_|]+)(?::-([a-z0-9-]+)|=[a-z0-9-]+)?\}")

HEAD = """# Providers

<!-- Made by catalogue/document.py from catalogue/providers.yaml and src/llm/quirks.h: edit those. -->

The names that weir knows. Under `providers:` such a name alone is enough; [configuration.md](configuration.md) says how each part of it is
overridden, and how any other provider is described. Without a configuration file, those are used whose key variable is set and whose address is
known, makers before resellers, in this order. `weir models` lists what they serve.

Of several key variables the first that is set counts. Where a base URL names a variable, it is read when the configuration is: of two joined by
`|` the first that is set, behind `:-` a default; where several base URLs are listed, the first whose variables are all there. A provider whose
variable is missing is passed over, and `weir check` says which one it is. Sources in § are sections of the wire-format notes that the table was
made from.
"""

KINDS = (
    ("Makers", lambda p: not p.get("reseller") and not p.get("local")),
    ("Platforms and resellers", lambda p: p.get("reseller")),
    ("Servers of one's own", lambda p: p.get("local")),
)
AUTH = {
    "bearer": "`Authorization: Bearer`",
    "sigv4": "AWS signature, or a bearer key",
    "google": "Google token",
    "azure": "`api-key`, or an Entra token",
    "none": "none",
}


def auth_words(binding):
    auth = binding["auth"]
    return f"`{auth[len('header:'):]}`" if auth.startswith("header:") else AUTH[auth]


def addresses(binding):
    urls = binding["base_url"]
    # A bar inside a table's cell is escaped.
    return "<br>".join(f"`{url}`".replace("|", "\\|") for url in (urls if isinstance(urls, list) else [urls]))


def variables(provider):
    """Those of base URLs, required ones first."""
    found = {}
    for binding in provider["bindings"]:
        urls = binding["base_url"]
        for url in urls if isinstance(urls, list) else [urls]:
            for names, _ in VARIABLE.findall(url):
                for name in names.split("|"):
                    found.setdefault(name)
    return list(found)


def write_provider(name, provider):
    lines = [f"### {name}", "", f"{provider['title']}."]
    keys = provider.get("keys", [])
    if keys:
        lines[-1] += f" Key: {', '.join(f'`{key}`' for key in keys)}{' (not needed)' if provider.get('local') else ''}."
    if variables(provider):
        lines[-1] += f" Address: {', '.join(f'`{name}`' for name in variables(provider))}."
    lines += ["", "| dialect | base URL | operations | auth | fixed headers | quirks | source |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for binding in provider["bindings"]:
        headers = ", ".join(f"`{key}: {value}`" for key, value in binding.get("headers", {}).items())
        quirks = ", ".join(f"`{quirk}`" for quirk in binding.get("quirks", []))
        lines.append(
            f"| `{binding['dialect']}` | {addresses(binding)} | {', '.join(binding['operations'])} | {auth_words(binding)} "
            f"| {headers or '–'} | {quirks or '–'} | {binding['source']} |"
        )
    return lines + [""]


def write_quirks(providers):
    lines = [
        "## Quirks", "",
        "Where a provider's version of a dialect differs. `quirks: [name, …]` says it of a provider of one's own.", "",
        "| quirk | what it means | who |", "| --- | --- | --- |",
    ]
    for quirk, words in quirk_names().items():
        who = [name for name, p in providers.items() if any(quirk in b.get("quirks", []) for b in p["bindings"])]
        words = words.replace("|", "\\|").replace("<", "&lt;")
        lines.append(f"| `{quirk}` | {words} | {', '.join(f'`{name}`' for name in who) or '–'} |")
    return lines


def page():
    providers = load(ROOT / "catalogue" / "providers.yaml")["providers"]
    lines = HEAD.splitlines() + [""]
    for title, belongs in KINDS:
        lines += [f"## {title}", ""]
        for name, provider in providers.items():
            if belongs(provider):
                lines += write_provider(name, provider)
    return "\n".join(lines + write_quirks(providers)) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    if not sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        sys.exit("docs/providers.md is not what catalogue/document.py would write: run it")
