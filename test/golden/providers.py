# SPDX-License-Identifier: Apache-2.0
"""What every provider of catalogue/providers.yaml is sent for one small chat of a chat completions client and of a Messages client:
body and path, as they were last agreed on, in providers.json. The quirks are those of the catalogue's row, the rules those of one
typical model there. A client of the provider's own dialect is relayed: its bytes, but for the edits that the provider asks for."""

import json
from pathlib import Path

import yaml

import files

HERE = Path(__file__).resolve().parent
AGREED = HERE / "providers.json"
CATALOGUE = HERE.parents[1] / "catalogue"
# What a provider refuses is taken out of the request, so that the rest is seen as well: which member says which field.
SAYS = {
    "stop": ("stop", "stop_sequences"),
    "tool choice by name": ("tool_choice",),
    "tools": ("tools", "tool_choice"),
}


def catalogue():
    return yaml.safe_load((CATALOGUE / "providers.yaml").read_text(encoding="utf-8"))["providers"]


def targets():
    """Provider and binding, wherever chats are taken."""
    return [(name, binding) for name, row in catalogue().items() for binding in row["bindings"] if "chat" in binding["operations"]]


def models():
    """Public name and longest answer of what goes by an id somewhere."""
    known = json.loads((CATALOGUE / "condensed.json").read_text(encoding="utf-8"))["models"]
    return {offer.get("id", name): (name, model.get("max_output", 0)) for name, model in known.items()
            for offer in model["offers"].values()}


def send(hub, client, request, name, binding, own, model):
    public, length = model
    ask = dict(name=name, model=public, own=own, quirks=binding.get("quirks", []), max_output=length)
    if client == binding["dialect"]:
        return hub.ask(op="relay", client=client, body=files.compact(request), **ask)
    return hub.request(client, binding["dialect"], files.compact(request), **ask)


def written(hub, client, request, *target):
    """The result, and before it what could not be asked of this provider."""
    result, refused = send(hub, client, request, *target), []
    while not result["ok"] and result["fields"]:
        fields = result["fields"].split(", ")
        refused += fields
        gone = [member for field in fields for member in SAYS[field]]
        request = {name: value for name, value in request.items() if name not in gone}
        result = send(hub, client, request, *target)
    kept = {"refused": ", ".join(refused)} if refused else {}
    if not result["ok"]:
        return {**kept, "failed": result["error"]}
    kept["path"] = result["path"]
    if result["dropped"]:
        kept["dropped"] = result["dropped"]
    return {**kept, "body": files.unpack_whole(result["body"])}


def results(hub, agreed):
    known = models()
    for name, binding in targets():
        own = agreed["models"].get(f"{name} {binding['dialect']}") or agreed["models"][name]
        for client, request in agreed["requests"].items():
            yield (f"{client} → {name} {binding['dialect']}",
                   written(hub, client, request, name, binding, own, known.get(own, (own, 0))))


def run(hub, update):
    """How many there are, and what is wrong."""
    agreed = json.loads(AGREED.read_text(encoding="utf-8"))
    now = dict(results(hub, agreed))
    before = agreed["written"]
    if update:
        AGREED.write_text(files.pretty({**agreed, "written": now}) + "\n", encoding="utf-8")
        return len(now), []
    # Dumped, because the order of members counts.
    problems = [f"providers/{title}: is not what was agreed on; --update shows how" for title, kept in now.items()
                if json.dumps(before.get(title)) != json.dumps(kept)]
    return len(now), problems + [f"providers/{title}: there is no such provider" for title in before if title not in now]
