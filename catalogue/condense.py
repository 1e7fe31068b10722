#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Condenses public model catalogues into condensed.json, which compile.py compiles in beside models.yaml.

usage: condense.py [--check] [--verbose] [FOLDER]      (default: ../shared/wire/catalog beside the project)

FOLDER holds the sources as its README.md says: models.dev, ruby_llm, LiteLLM, OpenRouter, Vercel, genai-prices, Portkey and
supplement-2026-11.json; where it is not there, condensed.json stays as it is. --check changes nothing and says whether it
would; --verbose lists what was left out. The result depends on them, on models.yaml (`names`, and the ids it gives) and on nothing else.

Whose word counts, for a price of one id at one provider:
 1. the supplement, which is newest; then OpenRouter's own list for OpenRouter
 2. of LiteLLM, genai-prices, models.dev (the copy of 2026-08-14, else that of 2026-07-02) and Portkey: the pair of input and
    output prices that most of them give; where no two agree, the first of them in this order
 3. the other parts of the price come from every source that gives the same input and output, in that order. A source that
    disagrees about those is about another price and adds nothing.
Which models exist is said by the supplement, LiteLLM, models.dev and OpenRouter; Portkey, genai-prices and Vercel only add to
them. Names: catalogue_naming.py. What cannot be joined surely stays apart under a longer name, or is left out and counted.
"""
import json
import re
import sys
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import yaml

import catalogue_naming as naming
import catalogue_sources as sources

VERSION = "2026-11-20"
SKIPPED = 77                           # as the test suite understands it
HERE = Path(__file__).resolve().parent
PRICE_TRUST = ("supplement", "openrouter", "litellm", "genai-prices", "ruby_llm", "models.dev", "portkey")
FACT_TRUST = ("supplement", "ruby_llm", "models.dev", "openrouter", "litellm", "vercel")
DATED = {
    "supplement": "supplement 2026-11-20", "openrouter": "openrouter 2026-08-22", "litellm": "litellm 2026-08-01",
    "genai-prices": "genai-prices 2026-08-21", "ruby_llm": "models.dev 2026-08-14", "models.dev": "models.dev 2026-07-02",
    "portkey": "portkey 2026-08-21", "vercel": "vercel 2026-08-22",
}
ABILITIES = ("tools", "images", "audio", "documents", "structured_output", "reasoning")
PART_ORDER = ("service", "over", "input", "output", "cached", "written_5m", "written_1h", "input_audio", "output_audio",
              "cached_audio", "input_image", "output_image", "reasoning", "request", "web_search", "bands")
# Bedrock serves these only through an inference profile; where there is no global one, the profile of the US
# (https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html).
PROFILE_ONLY = re.compile(r"claude-(3-7|opus-4|sonnet-4|haiku-4|3-5-haiku|[a-z]+-5)|llama4|llama3-[23]|deepseek\.r1|nova-premier|pixtral|palmyra")


def is_wanted(row):
    own = row["id"]
    if naming.is_retired(row["provider"], own):
        return False
    if naming.is_other_kind(own) or ("writes" in row and "text" not in row["writes"]):
        if not naming.is_embedding(own) or naming.is_other_kind(own):
            return False
    return len(own) < 120 and own.isascii() and re.fullmatch(r"[A-Za-z0-9@._:/+-]+", own) is not None


def provider_of(row):
    """Claude on Azure is another way to pay than Azure OpenAI."""
    return "azure-anthropic" if row["provider"] == "azure" and row["id"].startswith("claude") else row["provider"]


def read_all(folder):
    rows = [*sources.read_supplement(folder), *sources.read_openrouter(folder, VERSION), *sources.read_litellm(folder, VERSION),
            *sources.read_ruby_llm(folder), *sources.read_models_dev(folder), *sources.read_portkey(folder)]
    offers = {}
    for row in filter(is_wanted, rows):
        offers.setdefault((provider_of(row), row["id"]), {}).setdefault(row["source"], row)
    for (provider, own), by_source in offers.items():
        rules = GENAI_RULES.get(provider.removesuffix("-anthropic"), [])
        price = next((price for rule, price in rules if sources.matches(rule, own.lower())), None)
        if price:
            by_source["genai-prices"] = {"source": "genai-prices", "price": price}
    return {key: by_source for key, by_source in offers.items() if is_there(*key, by_source)}


def is_there(provider, own, by_source):
    """Whether it is sure enough that the provider has it; OpenRouter's list is complete but for embeddings."""
    if provider == "openrouter" and not naming.is_embedding(own):
        return "openrouter" in by_source
    # Nobody else lists the Claude models there.
    return bool(set(by_source) - {"portkey", "genai-prices"}) or (provider == "bedrock-mantle" and "anthropic.claude" in own)


# --- prices ---


def pair(price):
    return (price["input"], price["output"]) if price else None


def trusted_pair(by_source):
    """The input and output price that counts, or None."""
    priced = [s for s in PRICE_TRUST if by_source.get(s, {}).get("price")]
    for first in ("supplement", "openrouter"):
        if first in priced:
            return pair(by_source[first]["price"])
    if "ruby_llm" in priced and "models.dev" in priced:
        priced.remove("models.dev")    # an older copy of the same
    votes = [pair(by_source[s]["price"]) for s in priced]
    return max(votes, key=lambda p: (votes.count(p) if votes.count(p) > 1 else 1, -votes.index(p)), default=None)


def fill(price, more):
    """Adds to a price what another source that agrees with it knows besides."""
    for name, value in more.items():
        if name != "bands":
            price.setdefault(name, value)
    bands = price.setdefault("bands", [])
    for band in more.get("bands", []):
        same = [b for b in bands if (b["service"], b["over"]) == (band["service"], band["over"])]
        if not same:
            bands.append(dict(band))
        elif pair(same[0]) == pair(band):
            for name, value in band.items():
                same[0].setdefault(name, value)


def merge_prices(by_source):
    """The price and the names of the sources it is from."""
    best, price, used = trusted_pair(by_source), {}, []
    for source in PRICE_TRUST if best else ():
        given = by_source.get(source, {}).get("price")
        if pair(given) == best:
            fill(price, given)
            used.append(source)
    return finish(price), used


def finish(price):
    """Lines of other services stand only beside lines of standard; what repeats a stand-in is left out."""
    lines = {b["over"] for b in price.get("bands", []) if b["service"] == "standard"} | {0}
    bands = [b for b in price.pop("bands", []) if b["over"] in lines]
    if "request" in price:
        price.pop("web_search", None)  # Perplexity: the fee per request is that of its search
    if bands:
        price["bands"] = sorted(bands, key=lambda b: (b["service"] != "standard", b["service"], b["over"]))
    return price


def stack_batch(price):
    """Anthropic: the halves of batch are also those of its cache (https://platform.claude.com/docs/en/about-claude/pricing)."""
    for band in price.get("bands", []):
        if band["service"] == "batch" and not band["over"] and price["input"]:
            for name in ("cached", "written_5m", "written_1h"):
                if name in price:
                    band.setdefault(name, price[name] * band["input"] / price["input"])


# --- names ---


def known_names(hand):
    """{own id or bare name: public id} from models.yaml: its `names` and the ids of its offers."""
    names = {}
    for public, model in hand["models"].items():
        names.setdefault(public, public)
        for provider, offer in (model.get("offers") or {}).items():
            for own in [offer.get("id"), *offer.get("also", [])]:
                if own:
                    names[f"{provider}:{own}"] = public
                    if not own.endswith("-latest"):
                        names.setdefault(naming.spelled(naming.bare(provider, own)), public)
    return {**names, **hand.get("names", {})}


def preference(provider, own, hand_id, public=""):
    """Which of several ids of one offer is sent: least first."""
    if own == hand_id:
        return (0, 0, own)
    plain = not re.search(r"latest|preview|\d{4}-\d\d-\d\d|-20\d{6}|-00\d$", own)
    rank = 1 if plain else 3 if "latest" in own else 2
    if provider == "bedrock":          # global profiles take any region
        rank = {"global": 1, "us": 2 if PROFILE_ONLY.search(own) else 4}.get(own.split(".")[0], 3)
    if provider == "vertex" and "claude" in own:
        rank = 1 if re.search(r"@\d", own) else 3 if "@" in own else 2
    if provider == "azure" and own == public:
        rank = 0
    return (rank, len(own), own)


def joinable(price, other):
    return not price or not other or pair(price) == pair(other)


def assign(offers, names, hand):
    """{(public, provider): [own ids]}: every id under its best name that means nothing dearer or cheaper there."""
    placed = {}

    def order(key):
        hand_id = any((m.get("offers") or {}).get(key[0], {}).get("id") == key[1] for m in hand["models"].values())
        return (key[0], not hand_id, *preference(*key, None))

    prices = {key: merge_prices(by_source)[0] for key, by_source in offers.items()}
    taken = {own: names_for(provider, own, names, offers)[0] for provider, own in offers}
    for provider, own in sorted(offers, key=order):
        for public in names_for(provider, own, names, offers):
            if taken.get(public, public) != public:
                continue               # somebody's id of another model
            group = placed.setdefault((public, provider), [])
            if all(joinable(prices[provider, own], prices[provider, mate]) for mate in group):
                group.append(own)
                break
        else:
            LEFT_OUT.append(f"{own} at {provider}: another price under the same name")
    return {key: group for key, group in placed.items() if group}, prices


def names_for(provider, own, names, offers):
    found = naming.public_ids(provider, own, names)
    # The profile of the US stands for the model where Bedrock has no other that works.
    if provider == "bedrock" and own.startswith("us.") and PROFILE_ONLY.search(own):
        if ("bedrock", "global." + own[3:]) not in offers:
            found = [f.removesuffix("@us") for f in found] + found
    return found


def one_meaning(placed, names):
    """Drops names that would mean two models: [(public, provider, own id, aliases)]."""
    meaning = {public: public for public, _ in placed}
    meaning.update({k.split(":", 1)[-1]: v for k, v in names.items() if ":" in k and "/" not in k and v in meaning})
    kept = []
    for (public, provider), own_ids in sorted(placed.items()):
        clear = []
        for own in own_ids:
            if meaning.setdefault(own, public) == public:
                clear.append(own)
            else:
                LEFT_OUT.append(f"{own} at {provider}: the name means {meaning[own]}")
        if clear:
            kept.append((public, provider, clear))
    return kept


# --- what is true of a model everywhere ---


def best_rows(public, members, offers, vercel):
    """What the sources say of the model, the maker's own rows first; and whether there are any of those."""
    maker = naming.maker_of(public)
    rows = []
    for provider, own in members:
        for source, row in offers[provider, own].items():
            if source in FACT_TRUST:
                rows.append((provider != maker, FACT_TRUST.index(source), provider, own, row))
    made_here = any(not foreign for foreign, *_ in rows)
    rows = [row for foreign, *_, row in sorted(rows, key=lambda r: r[:4]) if not (foreign and made_here)]
    return rows + ([vercel[public]] if public in vercel else []), made_here


def first(rows, name):
    return next((row[name] for row in rows if row.get(name)), None)


def limit(rows, name, made_here):
    """The maker's word; of models that others serve, the context that most of them say and the most that any lets be
    written."""
    said = [row[name] for row in rows if row.get(name)]
    if made_here or not said:
        return said[0] if said else None
    return max(said, key=lambda value: (said.count(value), -said.index(value))) if name == "context" else max(said)


def abilities(rows, made_here):
    """What most say; LiteLLM's flags count where nobody else speaks. Structured output, and documents at the maker, are often
    left unsaid: there any word counts."""
    able = [row for row in rows if "abilities" in row]
    others = [row for row in able if row["source"] != "litellm"]
    voters = others or [row for row in able if row["abilities"]]
    if not voters:
        return None                    # nothing is known, and nothing held against it
    found = {a for a in ABILITIES if 2 * sum(a in row["abilities"] for row in voters) >= len(voters)}
    for often_unsaid in ("structured_output", "documents") if made_here else ("structured_output",):
        if any(often_unsaid in row["abilities"] for row in able):
            found.add(often_unsaid)
    return [a for a in ABILITIES if a in found]


def release_date(rows):
    said = [re.search(r"20\d\d-\d\d(-\d\d)?", r.get("released") or "") for r in rows]
    said = [found.group() for found in said if found]
    said += [datetime.fromtimestamp(r["created"], timezone.utc).date().isoformat() for r in rows if r.get("created")]
    return said[0] if said else None


def facts(public, members, offers, vercel):
    rows, made_here = best_rows(public, members, offers, vercel)
    embeds = first(rows, "operation") == "embeddings" or naming.is_embedding(public)
    model = {"released": release_date(rows)}
    if first(rows, "operation") == "completions":
        model["operations"] = ["completions"]
    elif embeds:
        model["operations"] = ["embeddings"]
    model["context"] = limit(rows, "context", made_here)
    if not embeds:
        model["max_output"] = limit(rows, "max_output", made_here)
        model["abilities"] = abilities(rows, made_here)
    if model["context"] and model.get("max_output"):
        model["max_output"] = min(model["max_output"], model["context"])
    return {name: value for name, value in model.items() if value not in (None, 0)}


def only_dialects(provider, public, by_source):
    """Which of a provider's dialects serve it, where that is not all of them."""
    maker = naming.maker_of(public)
    if provider == "vertex":           # each maker's models below a path of their own (DIALECTS §2.2)
        return ["anthropic" if maker == "anthropic" else "gemini" if maker == "google" or naming.is_embedding(public)
                else "openai-chat"]
    if provider == "bedrock-mantle":
        return ["anthropic"] if maker == "anthropic" else ["openai-responses", "openai-chat"]
    return ["openai-responses"] if any(row.get("only_responses") for row in by_source.values()) else None


# --- the file ---


def number_text(value):
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)


def price_text(price):
    def part(p):
        return "{" + ", ".join(f'"{k}": ' + (f'"{p[k]}"' if k == "service" else "[" + ", ".join(map(part, p[k])) + "]"
                               if k == "bands" else number_text(p[k])) for k in PART_ORDER if k in p) + "}"
    return part(price)


def offer_text(own, also, only, price, used, names):
    words = [f'"id": {json.dumps(own)}']
    if also:
        words.append(f'"also": {json.dumps(also)}')
    if only:
        words.append(f'"only": {json.dumps(only)}')
    if price:
        words.append(f'"price": {price_text(price)}')
    return "{" + ", ".join(words) + f', "source": {json.dumps(", ".join(DATED[s] for s in used or names))}' + "}"


def condense(folder, hand):
    names = known_names(hand)
    offers = read_all(folder)
    placed, _ = assign(offers, names, hand)
    members, rows = {}, {}
    for public, provider, own_ids in one_meaning(placed, names):
        hand_id = (hand["models"].get(public, {}).get("offers") or {}).get(provider, {}).get("id")
        own_ids = sorted(own_ids, key=lambda own: preference(provider, own, hand_id, public))
        members.setdefault(public, []).extend((provider, own) for own in own_ids)
        merged = [merge_prices(offers[provider, own]) for own in own_ids]
        price, used = next(((p, u) for p, u in merged if p), ({}, []))
        if naming.maker_of(public) == "anthropic" and price:
            stack_batch(price)
        listed = [s for s in FACT_TRUST if s in offers[provider, own_ids[0]]]
        rows.setdefault(public, {})[provider] = offer_text(
            own_ids[0], own_ids[1:], only_dialects(provider, public, offers[provider, own_ids[0]]), price, used, listed)
    vercel = {naming.public_ids("vercel", r["id"], names)[0]: r for r in sources.read_vercel(folder)}
    lines = []
    for public in sorted(rows):
        model = facts(public, members[public], offers, vercel)
        head = json.dumps(model)[1:-1]
        written = ",\n".join(f"    {json.dumps(p)}: {text}" for p, text in sorted(rows[public].items()))
        lines.append(f'{json.dumps(public)}: {{{head}{", " if head else ""}"offers": {{\n{written}}}}}')
    return lines


LEFT_OUT = []
GENAI_RULES = {}


def main():
    folders = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    folder = Path(folders[0]) if folders else HERE.parent.parent / "shared/wire/catalog"
    path = HERE / "condensed.json"
    if not folder.is_dir():
        print(f"condense: {folder} is not there; condensed.json stays as it is")
        sys.exit(SKIPPED)
    hand = yaml.safe_load((HERE / "models.yaml").read_text(encoding="utf-8"))
    GENAI_RULES.update(sources.read_genai(folder, VERSION))
    lines = condense(folder, hand)
    text = (f'{{"version": "{VERSION}",\n"made_by": "catalogue/condense.py: do not edit, correct in models.yaml",\n'
            f'"models": {{\n' + ",\n".join(lines) + "\n}}\n")
    if "--verbose" in sys.argv:
        print("\n".join(LEFT_OUT))
    if "--check" in sys.argv:
        sys.exit(0 if path.read_text(encoding="utf-8") == text else "condense: condensed.json is not what its sources make of it")
    path.write_text(text, encoding="utf-8")
    print(f"condense: {len(lines)} models, {len(LEFT_OUT)} ids left out")


if __name__ == "__main__":
    main()
