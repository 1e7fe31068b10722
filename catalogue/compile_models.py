# SPDX-License-Identifier: Apache-2.0
"""The model half of compile.py: lays models.yaml over condensed.json and writes both as C tables.

models.yaml wins. An offer's price in it is laid over the condensed one part by part where input and output are the same;
where they differ it is another price, and the condensed parts are dropped.
"""
import json
from decimal import Decimal

from compile import (ABILITIES, DIALECTS, EVERY_MODEL, OPERATIONS, RATES, SERVICES, TIERS, bits, number, one_of, only, rate,
                     refuse, strings, text)

NOTHING_KNOWN = " | ".join([*ABILITIES.values(), EVERY_MODEL])


def pair(price):
    return tuple(Decimal(price[name]) for name in ("input", "output"))


def bands_of(place, price):
    """`cliff` is short for the band of longer prompts in standard service."""
    bands = price.get("bands", []) + ([price["cliff"]] if "cliff" in price else [])
    found = {}
    for band in bands:
        only(place, band, ("input", "output"), RATES + ("service", "over"))
        service, over = band.get("service", "standard"), number(place, band.get("over", 0))
        one_of(place, service, SERVICES, "service")
        if (service, over) in found or (service, over) == ("standard", 0):
            refuse(place, f"{service} over {over} stands twice")
        found[service, over] = {name: band[name] for name in RATES if name in band}
    return found


def laid_over(place, price, below):
    """A price as {"rates", "bands", "request", "web_search"}."""
    only(place, price, (), RATES + ("cliff", "bands", "request", "web_search"))
    if price and ("input" not in price or "output" not in price):
        refuse(place, "a price has at least input and output")
    layers = [p for p in (below, price) if p] if not price or not below or pair(price) == pair(below) else [price]
    result = {"bands": {}}
    for layer in layers:
        result.update({name: layer[name] for name in (*RATES, "request", "web_search") if name in layer})
        for key, band in bands_of(place, layer).items():
            under = result["bands"].get(key)
            result["bands"][key] = {**under, **band} if under and pair(under) == pair(band) else band
    return result


def merge_offer(place, hand, below):
    only(place, hand, (), ("id", "also", "price", "source"))
    own = hand.get("id", below.get("id"))
    if not own:
        refuse(place, "'id' is missing")
    also = [a for a in dict.fromkeys([*hand.get("also", []), *below.get("also", []), below.get("id", own)]) if a != own]
    return {"id": own, "also": also, "price": laid_over(place, hand.get("price") or {}, below.get("price") or {}),
            "only": below.get("only")}


def check_source(place, source, sources):
    if not source.startswith("https://") and not any(source.startswith(known) for known in sources):
        refuse(place, f"source '{source}' is neither an address nor listed under 'sources'")


def check_hand(name, model, sources):
    only(name, model, (), ("source", "tier", "operations", "context", "max_output", "abilities", "known_as", "offers"))
    for place, row in [(name, model), *((f"{name} at {p}", o) for p, o in (model.get("offers") or {}).items())]:
        if set(row) - {"tier", "known_as", "offers", "id", "also"}:    # a fact
            check_source(place, row.get("source", ""), sources)


def tier_by_pattern(name, tiers):
    """The first pattern that the whole public id matches; regional profiles and free offers stand in for nobody."""
    if "@" in name or ":" in name:
        return None
    return next((tier for pattern, tier in tiers if pattern.fullmatch(name)), None)


def merge_model(name, hand, below, tiers):
    providers = dict.fromkeys([*(hand.get("offers") or {}), *below.get("offers", {})])
    model = {key: hand.get(key, below.get(key)) for key in ("operations", "context", "max_output", "abilities", "released")}
    model["known_as"] = hand.get("known_as", [])
    chats = "chat" in (model["operations"] or ["chat"])
    model["tier"] = hand["tier"] if "tier" in hand else tier_by_pattern(name, tiers) if chats else None
    model["offers"] = {}
    for provider in providers:
        given = (hand.get("offers") or {}).get(provider)
        model["offers"][provider] = merge_offer(f"{name} at {provider}", given or {},
                                                below.get("offers", {}).get(provider, {}))
    if not model["offers"]:
        refuse(name, "no provider offers it")
    return model


def newest_first(item):
    name, model = item
    tier = TIERS[model["tier"]][1]
    return tuple(-ord(c) for c in model["released"] or "0"), -tier, name


def read(hand_file, condensed_path, tiers):
    """{public id: model}: models.yaml's in its order of preference, then the others, newest first."""
    condensed = json.loads(condensed_path.read_text(encoding="utf-8"), parse_float=Decimal, parse_int=Decimal)
    hand, below = hand_file["models"], condensed["models"]
    sources = hand_file["sources"]
    for name, model in hand.items():
        check_hand(name, model, sources)
    merged = {name: merge_model(name, hand.get(name, {}), below.get(name, {}), tiers) for name in [*hand, *below]}
    rest = sorted(((name, m) for name, m in merged.items() if name not in hand), key=newest_first)
    models = {**{name: merged[name] for name in hand}, **dict(rest)}
    settle_names(models)
    return condensed["version"], models


def settle_names(models):
    """Every name leads to one public id, whoever it is that uses the name: models.yaml's word first, then order."""
    meaning = {}
    for public, model in models.items():
        for name in [public, *model["known_as"]]:
            if meaning.setdefault(name, public) != public:
                refuse(public, f"the name '{name}' already means {meaning[name]}")
    for public, model in models.items():
        for provider, offer in model["offers"].items():
            if meaning.setdefault(offer["id"], public) != public:
                refuse(f"{public} at {provider}", f"the name '{offer['id']}' already means {meaning[offer['id']]}")
    for public, model in models.items():
        for offer in model["offers"].values():
            offer["also"] = [name for name in offer["also"] if meaning.setdefault(name, public) == public]


def abilities_of(name, models):
    """A list, or "as NAME": what a predecessor can do; nothing where no source says."""
    abilities = models[name]["abilities"]
    if isinstance(abilities, str):
        predecessor = abilities.removeprefix("as ")
        if predecessor not in models or isinstance(models[predecessor]["abilities"], str):
            refuse(name, f"abilities '{abilities}' should be a list, or 'as NAME' of a model that has one")
        return abilities_of(predecessor, models)
    if abilities is None and "embeddings" not in (models[name]["operations"] or []):
        return NOTHING_KNOWN           # nothing is held against it
    return " | ".join([*bits(name, abilities or [], ABILITIES, "ability"), EVERY_MODEL])


def operations_of(name, model):
    operations = bits(name, model["operations"] or ["chat"], OPERATIONS, "operation")
    if "OPERATION_CHAT" in operations:  # counting and compacting are about a chat
        operations += ["OPERATION_COUNT_TOKENS", "OPERATION_COMPACT"]
    return " | ".join("1u << " + operation for operation in operations)


def makers_names(name, model):
    """Names of the model anywhere: its makers' own ids, which people also use where others serve it."""
    names = list(model["known_as"])
    for provider in ("openai", "anthropic", "google", "mistral", "cohere", "deepseek", "xai"):
        offer = model["offers"].get(provider)
        names += [n for n in [offer["id"], *offer["also"]] if n != name and n not in names] if offer else []
    return names


def write_model(name, models):
    model = models[name]
    tier, quality = one_of(name, model["tier"], TIERS, "tier")
    names = makers_names(name, model)
    return (
        f"\t{{ .id = {{ {text(name)}, {len(name)} }}, .names = {strings(names) if names else 'NULL'},\n"
        f"\t  .tier = {tier}, .quality = {quality},\n"
        f"\t  .context = {number(name, model['context'] or 0)}, .max_output = {number(name, model['max_output'] or 0)},\n"
        f"\t  .abilities = {abilities_of(name, models)},\n"
        f"\t  .operations = {operations_of(name, model)} }},\n"
    )


def write_rates(place, rates):
    return "{ " + ", ".join(rate(place, rates, name) for name in RATES) + " }"


def write_price(place, price, bands):
    """`bands` has the rows of all prices, each list of them once: a price says where its own are."""
    order = sorted(price["bands"], key=lambda key: (list(SERVICES).index(key[0]), key[1]))
    rows = [f"{{ {SERVICES[s]}, {o}, {write_rates(place, price['bands'][s, o])} }}" for s, o in order]
    first = next((i for i in range(len(bands)) if bands[i:i + len(rows)] == rows), len(bands)) if rows else 0
    if first == len(bands):
        bands += rows
    return (
        f"{{ {write_rates(place, price)}, {rate(place, price, 'request')}, {rate(place, price, 'web_search')},"
        f" {first}, {len(rows)} }}"
    )


class Texts:
    """Lists of names, one behind the other, each ended by an empty one; a list is known by where it begins."""

    def __init__(self):
        self.size, self.written, self.known = 0, [], {}

    def place_of(self, names):
        key = tuple(names)
        if key not in self.known:
            self.known[key] = self.size
            self.written.append("\t" + " ".join(text(name)[:-1] + '\\0"' for name in names) + ' "\\0"\n')
            self.size += sum(len(name) + 1 for name in names) + 1
        return self.known[key]


class Tables:
    """The C text of all models, of their prices (each once), and of each provider's offers."""

    def __init__(self, models):
        self.models, self.prices, self.bands, self.texts = models, {}, [], Texts()
        self.index = {name: i for i, name in enumerate(models)}
        self.rows = "".join(write_model(name, models) for name in models)

    def offers(self, provider, served):
        """What a provider that serves these operations offers."""
        rows = []
        for name, model in self.models.items():
            offer = model["offers"].get(provider)
            if not offer or not set(model["operations"] or ["chat"]) & served:
                continue
            place = f"{name} at {provider}"
            price = self.prices.setdefault(write_price(place, offer["price"], self.bands), len(self.prices))
            dialects = " | ".join(f"1u << {d}" for d in bits(place, offer["only"] or [], DIALECTS, "dialect"))
            names = self.texts.place_of([offer["id"], *offer["also"]])
            rows.append(f"\t{{ {self.index[name]}, {price}, {dialects or '0'}, {names} }},\n")
        return rows

    def text(self):
        return (
            f"const struct model catalogue_models[] = {{\n{self.rows}}};\n"
            f"const unsigned catalogue_model_count = {len(self.models)};\n\n"
        )

    def price_text(self):
        bands = "".join(f"\t{band},\n" for band in self.bands)
        rows = "".join(f"\t{price},\n" for price in self.prices)
        return (
            f"const struct price_band catalogue_bands[] = {{\n{bands}}};\n\n"
            f"const struct catalogue_price catalogue_prices[] = {{\n{rows}}};\n\n"
            f"const char catalogue_texts[] =\n{''.join(self.texts.written)};\n\n"
        )
