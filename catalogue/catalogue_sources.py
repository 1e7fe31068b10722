# SPDX-License-Identifier: Apache-2.0
"""Reads the public model catalogues into one shape: for condense.py.

A row is {source, provider, id, price, context, max_output, abilities, operations, released}: what one source says of one
model at one provider. Prices are Decimal US dollars per million tokens (requests, searches), in the words of models.yaml.
What a source does not say is absent; a price of 0 for both input and output says nothing (most often: not known), except in
OpenRouter's own list, where it is the price.
"""
import json
import re
from decimal import Decimal
from pathlib import Path

# Their names for our providers.
MODELS_DEV = {
    "openai": "openai", "anthropic": "anthropic", "google": "google", "mistral": "mistral", "cohere": "cohere", "groq": "groq",
    "deepseek": "deepseek", "xai": "xai", "openrouter": "openrouter", "togetherai": "together", "fireworks-ai": "fireworks",
    "perplexity": "perplexity", "cerebras": "cerebras", "moonshotai": "moonshot", "alibaba": "dashscope", "zai": "zai",
    "minimax": "minimax", "nvidia": "nvidia", "github-models": "github", "huggingface": "huggingface",
    "databricks": "databricks", "cloudflare-workers-ai": "cloudflare", "deepinfra": "deepinfra", "novita-ai": "novita",
    "nebius": "nebius", "baseten": "baseten", "azure": "azure", "google-vertex": "vertex",
    "google-vertex-anthropic": "vertex", "amazon-bedrock": "bedrock",
}
RUBY_LLM = {
    "openai": "openai", "anthropic": "anthropic", "gemini": "google", "mistral": "mistral", "cohere": "cohere",
    "deepseek": "deepseek", "xai": "xai", "perplexity": "perplexity", "azure": "azure", "bedrock": "bedrock",
    "vertexai": "vertex",
}
LITELLM = {
    "openai": "openai", "text-completion-openai": "openai", "anthropic": "anthropic", "azure": "azure", "azure_text": "azure",
    "azure_ai": "azure", "bedrock": "bedrock", "bedrock_converse": "bedrock",
    "bedrock_mantle": "bedrock-mantle", "gemini": "google", "mistral": "mistral",
    "cohere": "cohere", "cohere_chat": "cohere", "groq": "groq", "deepseek": "deepseek", "xai": "xai",
    "together_ai": "together", "fireworks_ai": "fireworks", "fireworks_ai-embedding-models": "fireworks",
    "perplexity": "perplexity", "cerebras": "cerebras", "moonshot": "moonshot", "dashscope": "dashscope", "zai": "zai",
    "minimax": "minimax", "volcengine": "volcengine", "nvidia_nim": "nvidia", "databricks": "databricks",
    "cloudflare": "cloudflare", "sambanova": "sambanova", "deepinfra": "deepinfra", "novita": "novita", "nebius": "nebius",
    "hyperbolic": "hyperbolic", "baseten": "baseten", "ai21": "ai21",
}
PORTKEY = {
    "openai": "openai", "anthropic": "anthropic", "azure-openai": "azure", "azure-ai": "azure", "bedrock": "bedrock",
    "bedrock-mantle": "bedrock-mantle", "google": "google", "vertex-ai": "vertex", "mistral-ai": "mistral", "cohere": "cohere", "groq": "groq",
    "deepseek": "deepseek", "x-ai": "xai", "together-ai": "together", "fireworks-ai": "fireworks",
    "perplexity-ai": "perplexity", "cerebras": "cerebras", "moonshot": "moonshot", "dashscope": "dashscope", "z-ai": "zai",
    "minimax": "minimax", "nebius": "nebius", "novita-ai": "novita", "deepinfra": "deepinfra", "workers-ai": "cloudflare",
    "ai21": "ai21",
}
GENAI = {
    "openai": "openai", "anthropic": "anthropic", "azure": "azure", "aws": "bedrock", "google": "google", "mistral": "mistral",
    "cohere": "cohere", "groq": "groq", "deepseek": "deepseek", "x-ai": "xai", "together": "together",
    "fireworks": "fireworks", "perplexity": "perplexity", "cerebras": "cerebras", "moonshotai": "moonshot",
    "minimax": "minimax", "novita": "novita", "zai": "zai",
}

MILLION = Decimal(10**6)
DEAREST = 1000                         # dollars per million tokens
SMALLEST = Decimal("0.000000001")      # a nano-dollar per million


def read_json(path):
    return json.loads(Path(path).read_text(encoding="utf-8"), parse_float=Decimal, parse_int=Decimal)


def dollars(value, unit=1):
    """Decimal dollars per million, or None."""
    if value is None or isinstance(value, (dict, list, bool)):
        return None
    amount = Decimal(str(value)) * unit
    return amount.quantize(SMALLEST) if 0 <= amount < 10**9 else None


def rates(pairs, unit):
    """{our name: dollars} of [(our name, their value)]."""
    found = {name: dollars(value, unit) for name, value in pairs}
    return {name: value for name, value in found.items() if value is not None}


def settle(price, zero_is_a_price=False):
    """Leaves out what says nothing: half prices, doubles of a stand-in, bands that are no other price."""
    if "input" not in price or "output" not in price or not (price["input"] or price["output"] or zero_is_a_price):
        return {}
    if price["input"] > DEAREST:
        return {}                      # another unit
    bands = [b for b in price.pop("bands", []) if "input" in b and "output" in b and (b["input"] or b["output"])]
    for part in [price, *bands]:
        for name, stand_in in (("reasoning", "output"), ("input_audio", "input"), ("output_audio", "output"),
                               ("input_image", "input"), ("output_image", "output"), ("cached_audio", "cached")):
            if name in part and part[name] in (part.get(stand_in), 0):
                del part[name]
        # A cached token that costs more, or next to nothing (the lowest known is 1/120), is a slip.
        if "cached" in part and not part["input"] / 200 <= part["cached"] <= part["input"]:
            del part["cached"]
        for name in ("written_5m", "written_1h"):
            # Writing costs 1.25 to 2.5 times as much as reading afresh; OpenRouter alone takes Gemini's storage for it.
            if name in part and not (zero_is_a_price and part[name] or part["input"] / 2 <= part[name] <= 4 * part["input"]):
                del part[name]
    for name in ("request", "web_search"):
        if not price.get(name, 1):
            del price[name]
    kept = []
    for band in bands:
        service, over = band["service"], band["over"]
        dearer = (band["input"], band["output"]) > (price["input"], price["output"])
        same = (band["input"], band["output"]) == (price["input"], price["output"])
        if same or (service in ("batch", "flex") and not over and dearer):
            continue
        if (service == "priority" or (service == "standard" and over)) and not dearer:
            continue
        kept.append(band)
    if kept:
        price["bands"] = sorted(kept, key=lambda b: (b["service"], b["over"]))
    return price


# --- models.dev, and ruby_llm which carries a newer copy of it ---


def models_dev_price(cost):
    def plain(c):
        return rates([("input", c.get("input")), ("output", c.get("output")), ("cached", c.get("cache_read")),
                      ("written_5m", c.get("cache_write")), ("reasoning", c.get("reasoning")),
                      ("input_audio", c.get("input_audio")), ("output_audio", c.get("output_audio"))], 1)

    price = plain(cost)
    price["bands"] = [
        {"service": "standard", "over": int(t["tier"]["size"]), **plain(t)}
        for t in cost.get("tiers", []) if t.get("tier", {}).get("type") == "context"
    ]
    return settle(price)


def models_dev_abilities(model):
    modalities = model.get("modalities", {}).get("input", [])
    found = {"tools"} if model.get("tool_call") else set()
    found |= {ours for theirs, ours in (("image", "images"), ("audio", "audio"), ("pdf", "documents")) if theirs in modalities}
    found |= {"structured_output"} if model.get("structured_output") else set()
    return found | ({"reasoning"} if model.get("reasoning") else set())


def read_models_dev(folder):
    for theirs, provider in read_json(folder / "models.dev/models-dev-api.json").items():
        for own, model in provider["models"].items() if theirs in MODELS_DEV else ():
            limit = model.get("limit", {})
            yield {
                "source": "models.dev", "provider": MODELS_DEV[theirs], "id": own, "price": models_dev_price(model.get("cost", {})),
                "context": int(limit.get("context") or 0), "max_output": int(limit.get("output") or 0),
                "abilities": models_dev_abilities(model), "writes": model.get("modalities", {}).get("output", ["text"]),
                "released": model.get("release_date", ""),
            }


def read_ruby_llm(folder):
    words = {"function_calling": "tools", "structured_output": "structured_output", "reasoning": "reasoning"}
    for model in read_json(folder / "models.dev/ruby_llm-models-2026-08-19.json"):
        record = model.get("metadata") or {}
        if model["provider"] not in RUBY_LLM or record.get("source") != "models.dev":
            continue
        seen = models_dev_abilities({"modalities": model.get("modalities", {})})
        limit = record.get("limit", {})
        yield {
            "source": "ruby_llm", "provider": RUBY_LLM[model["provider"]], "id": model["id"],
            "price": models_dev_price(record.get("cost") or {}), "context": int(limit.get("context") or 0),
            "max_output": int(limit.get("output") or 0),
            "abilities": seen | {words[c] for c in model.get("capabilities", []) if c in words},
            "writes": model.get("modalities", {}).get("output") or ["text"], "released": (model.get("created_at") or "")[:10],
        }


# --- LiteLLM ---

LITELLM_RATES = {
    "input_cost_per_token": "input", "output_cost_per_token": "output", "cache_read_input_token_cost": "cached",
    "cache_creation_input_token_cost": "written_5m", "cache_creation_input_token_cost_above_1hr": "written_1h",
    "input_cost_per_audio_token": "input_audio", "output_cost_per_audio_token": "output_audio",
    "cache_read_input_audio_token_cost": "cached_audio", "input_cost_per_image_token": "input_image",
    "output_cost_per_image_token": "output_image", "output_cost_per_reasoning_token": "reasoning",
}
LITELLM_KEY = re.compile(r"^(.*?)(?:_above_(\d+)k_tokens)?(?:_(flex|priority|batches))?$")
LITELLM_MODES = {"chat": "chat", "responses": "chat", "embedding": "embeddings", "completion": "chat"}
LITELLM_FLAGS = {
    "supports_function_calling": "tools", "supports_vision": "images", "supports_audio_input": "audio",
    "supports_pdf_input": "documents", "supports_response_schema": "structured_output", "supports_reasoning": "reasoning",
}


def litellm_price(row):
    parts = {}
    for key, value in row.items():
        base, over, service = LITELLM_KEY.match(key).groups()
        if base in LITELLM_RATES and dollars(value, MILLION) is not None:
            place = (service or "standard").replace("batches", "batch"), int(over or 0) * 1000
            parts.setdefault(place, {})[LITELLM_RATES[base]] = dollars(value, MILLION)
    for step in row.get("tiered_pricing", []):      # DashScope: by the prompt's length
        part = {ours: dollars(step[theirs], MILLION) for theirs, ours in LITELLM_RATES.items() if theirs in step}
        parts.setdefault(("standard", int(step["range"][0])), {}).update(part)
    price = parts.pop(("standard", 0), {})
    if row.get("mode") == "embedding" and "input" in price:
        price.setdefault("output", Decimal(0))
    price["bands"] = [{"service": s, "over": o, **part} for (s, o), part in parts.items()]
    search = row.get("search_context_cost_per_query") or {}
    if row["litellm_provider"] == "perplexity":     # every request searches; low is its default
        price.update(rates([("request", search.get("search_context_size_low"))], MILLION))
    else:
        price.update(rates([("web_search", search.get("search_context_size_medium")),
                            ("request", row.get("input_cost_per_request"))], MILLION))
    if row["litellm_provider"] == "databricks":     # worked out from its own units, with their rounding
        price = {name: value.quantize(Decimal("0.001")) if isinstance(value, Decimal) else value for name, value in price.items()}
    return settle(price)


def litellm_id(provider, key):
    """The provider's own id within LiteLLM's key, or None: regional and made-up rows."""
    for prefix in ("vertex_ai/", "gemini/", "azure_ai/", "azure/", "together_ai/", "fireworks_ai/", "novita/", "nebius/",
                   "bedrock_mantle/", f"{provider}/"):
        if key.startswith(prefix) and not (prefix == "novita/" and provider != "novita"):
            key = key[len(prefix):]
            break
    slashes = provider in ("openai", "azure", "bedrock", "anthropic", "google", "perplexity") and "/" in key
    size_class = re.search(r"(up-to|above|\d+b-to-\d+b|-to-)|^together-ai-|^fireworks-ai-|^ft:|container", key)
    return None if slashes or size_class or "*" in key else key


def read_litellm(folder, today):
    for key, row in read_json(folder / "litellm/model_prices_and_context_window-2026-08-01.json").items():
        theirs = row.get("litellm_provider", "")
        provider = "vertex" if theirs.startswith("vertex_ai") else LITELLM.get(theirs)
        if not provider or row.get("mode") not in LITELLM_MODES or row.get("deprecation_date", "9") < today:
            continue
        own = litellm_id(provider, key)
        if not own:
            continue
        operation = "completions" if theirs == "text-completion-openai" else LITELLM_MODES[row["mode"]]
        endpoints = row.get("supported_endpoints", [])
        yield {
            "source": "litellm", "provider": provider, "id": own, "price": litellm_price(row),
            "context": int(row.get("max_input_tokens") or 0), "max_output": int(row.get("max_output_tokens") or 0)
            if operation != "embeddings" else 0,
            "abilities": {ours for theirs, ours in LITELLM_FLAGS.items() if row.get(theirs)},
            "operation": operation,
            "only_responses": provider in ("openai", "azure") and (row["mode"] == "responses" or
                              (bool(endpoints) and "/v1/responses" in endpoints and "/v1/chat/completions" not in endpoints)),
        }


# --- OpenRouter's own list ---

OPENROUTER_RATES = {
    "prompt": "input", "completion": "output", "input_cache_read": "cached", "input_cache_write": "written_5m",
    "input_cache_write_1h": "written_1h", "audio": "input_audio", "audio_output": "output_audio",
    "input_audio_cache": "cached_audio", "image_output": "output_image", "internal_reasoning": "reasoning",
}


def openrouter_price(pricing, batch):
    def plain(p):
        return rates([(ours, p.get(theirs)) for theirs, ours in OPENROUTER_RATES.items()], MILLION)

    price = plain(pricing)
    if any(Decimal(pricing.get(k) or 0) < 0 for k in ("prompt", "completion")):
        return {}                      # -1: depends on where it is routed to
    price.update(rates([("web_search", pricing.get("web_search")), ("request", pricing.get("request"))], MILLION))
    price["bands"] = [
        {"service": "standard", "over": int(o["min_prompt_tokens"]), **{**plain(pricing), **plain(o)}}
        for o in pricing.get("overrides", []) if "min_prompt_tokens" in o
    ] + [{"service": "batch", "over": 0, **plain(b)} for b in batch]
    return settle(price, zero_is_a_price=True)


def read_openrouter(folder, today):
    models = {m["id"]: m for m in read_json(folder / "openrouter/openrouter-models-2026-08-22.json")}
    for own, model in models.items():
        if own.startswith("~") or own.endswith(":batch") or (model.get("expiration_date") or "9") < today:
            continue
        architecture, parameters = model["architecture"], model.get("supported_parameters") or []
        top = model.get("top_provider") or {}
        batch = [models[own + ":batch"]["pricing"]] if own + ":batch" in models else []
        abilities = models_dev_abilities({
            "modalities": {"input": ["pdf" if m == "file" else m for m in architecture["input_modalities"]]},
            "tool_call": "tools" in parameters, "structured_output": "structured_outputs" in parameters,
            "reasoning": "reasoning" in parameters,
        })
        yield {
            "source": "openrouter", "provider": "openrouter", "id": own, "price": openrouter_price(model["pricing"], batch),
            "context": int(model.get("context_length") or 0), "max_output": int(top.get("max_completion_tokens") or 0),
            "abilities": abilities, "writes": architecture["output_modalities"], "created": int(model.get("created") or 0),
        }


# --- Portkey: cents per token ---

PORTKEY_RATES = {
    "request_token": "input", "response_token": "output", "cache_read_input_token": "cached",
    "cache_write_input_token": "written_5m", "request_audio_token": "input_audio", "response_audio_token": "output_audio",
    "cache_read_audio_input_token": "cached_audio",
}


def portkey_part(config):
    units = (config or {}).get("additional_units") or {}
    pairs = [(ours, (config.get(theirs) or {}).get("price")) for theirs, ours in PORTKEY_RATES.items()]
    pairs.append(("written_1h", (units.get("cache_write_1h") or {}).get("price")))
    part = rates(pairs, 10**4)
    for name in ("cached", "written_5m", "written_1h", "input_audio", "output_audio", "cached_audio"):
        if not part.get(name, 1):
            del part[name]             # their schema's filling
    return part, rates([("web_search", (units.get("web_search") or {}).get("price"))], 10**4)


def portkey_price(row):
    config = row.get("pricing_config") or {}
    price, fees = portkey_part(config.get("pay_as_you_go") or {})
    bands = []
    if config.get("batch_config"):
        bands.append({"service": "batch", "over": 0, **portkey_part(config["batch_config"])[0]})
    custom = row.get("custom_pricing") or {}
    lines = {name: int(over) for over, name in (custom.get("context_tier_map") or {}).items()}
    modes = ((custom.get("regions") or {}).get("default") or {}).get("execution_modes") or {}
    for service, mode in modes.items():
        for name, tier in (mode.get("context_tiers") or {}).items():
            place = service, lines.get(name, 0)
            if service not in ("standard", "batch", "flex", "priority") or place == ("standard", 0):
                continue
            bands = [b for b in bands if (b["service"], b["over"]) != place]
            part = portkey_part((tier.get("pricing_config") or {}).get("pay_as_you_go") or {})[0]
            bands.append({"service": service, "over": place[1], **part})
    return settle({**price, **fees, "bands": bands})


def read_portkey(folder):
    for theirs, provider in PORTKEY.items():
        path = folder / "portkey/pricing" / f"{theirs}.json"
        for own, row in read_json(path).items() if path.exists() else ():
            if own != "default" and not re.search(r"-(lte|gt)-\d+k$", own):
                yield {"source": "portkey", "provider": provider, "id": own, "price": portkey_price(row)}


# --- genai-prices: rules that match ids ---

GENAI_RATES = {
    "input_mtok": "input", "output_mtok": "output", "cache_read_mtok": "cached", "cache_write_mtok": "written_5m",
    "cache_write_1h_mtok": "written_1h", "input_audio_mtok": "input_audio", "output_audio_mtok": "output_audio",
    "cache_audio_read_mtok": "cached_audio", "output_reasoning_mtok": "reasoning",
}


def genai_price(prices, today):
    if isinstance(prices, list):       # the last that has begun
        begun = [p for p in prices if (p.get("constraint") or {}).get("start_date", "") <= today
                 and "start_time" not in (p.get("constraint") or {})]
        prices = begun[-1]["prices"] if begun else {}
    plain, steps = {}, {}
    for theirs, ours in GENAI_RATES.items():
        value = prices.get(theirs)
        if isinstance(value, dict):
            plain[ours] = dollars(value.get("base"))
            for tier in value.get("tiers", []):
                steps.setdefault(int(tier["start"]), {})[ours] = dollars(tier["price"])
        elif value is not None:
            plain[ours] = dollars(value)
    fees = rates([("web_search", prices.get("web_searches_kcount")), ("request", prices.get("requests_kcount"))], 1000)
    bands = [{"service": "standard", "over": over, **step} for over, step in steps.items()]
    return settle({**{k: v for k, v in plain.items() if v is not None}, **fees, "bands": bands})


def matches(rule, own):
    for word, test in (("equals", str.__eq__), ("starts_with", str.startswith), ("ends_with", str.endswith),
                       ("contains", str.__contains__)):
        if word in rule:
            return test(own, rule[word].lower())
    if "regex" in rule:
        return re.search(rule["regex"], own) is not None
    return any(matches(r, own) for r in rule["or"]) if "or" in rule else all(matches(r, own) for r in rule.get("and", [{}]))


def read_genai(folder, today):
    """{provider: [(rule, price)]}: they say what they are about by rules, not by ids."""
    found = {}
    for provider in read_json(folder / "genai-prices/new_data_v2_data.json"):
        for model in provider["models"] if provider["id"] in GENAI else ():
            price = genai_price(model.get("prices", {}), today)
            if price:
                found.setdefault(GENAI[provider["id"]], []).append((model["match"], price))
    return found


# --- Vercel's list: what is true of a model, and what its maker charges ---


def read_vercel(folder):
    for model in read_json(folder / "openrouter/vercel-ai-gateway-models-2026-08-22.json"):
        if model.get("type") not in ("language", "embedding"):
            continue
        tags = model.get("tags") or []
        yield {
            "source": "vercel", "id": model["id"], "context": int(model.get("context_window") or 0),
            "max_output": int(model.get("max_tokens") or 0) if model["type"] == "language" else 0,
            "abilities": {ours for theirs, ours in (("tool-use", "tools"), ("vision", "images"), ("file-input", "documents"),
                                                    ("reasoning", "reasoning")) if theirs in tags},
            "operation": "chat" if model["type"] == "language" else "embeddings",
            "created": int(model.get("released") or 0),
        }


# --- the November supplement ---


def read_supplement(folder):
    data = read_json(folder / "supplement-2026-11.json")
    for key, row in data["models"].items():
        provider, own = key.split("/")
        price = rates([("input", row["input"]), ("output", row["output"]), ("cached", row.get("cache_read")),
                       ("written_5m", row.get("cache_write_5m", row.get("cache_write_30m"))),
                       ("written_1h", row.get("cache_write_1h", row.get("cache_write_12h")))], 1)
        price["bands"] = supplement_bands(provider, row, price)
        yield {
            "source": "supplement", "provider": provider, "id": own, "price": settle(price),
            "context": int(row.get("context") or 0), "max_output": int(row.get("max_output") or 0),
            "released": row.get("released") or re.sub(r"^by ", "", row.get("effective", ""))[:10],
        }


def supplement_bands(provider, row, price):
    def scaled(factor, output_factor=None):
        return {name: (value * Decimal(output_factor or factor) if name == "output" else value * Decimal(factor))
                for name, value in price.items()}

    bands = [{"service": "standard", "over": int(t["tier"]["size"]), **rates([("input", t["input"]), ("output", t["output"])], 1)}
             for t in row.get("tiers", [])]
    if provider == "openai":           # its _note: over 272,000 tokens twice and 1.5 times; batch and flex half, priority twice
        bands.append({"service": "standard", "over": 272000, **scaled("2", "1.5")})
        bands += [{"service": s, "over": 0, **scaled(f)} for s, f in (("batch", "0.5"), ("flex", "0.5"), ("priority", "2"))]
    if "batch_factor" in row or provider == "anthropic":
        bands.append({"service": "batch", "over": 0, **scaled(row.get("batch_factor", "0.5"))})
    return bands
