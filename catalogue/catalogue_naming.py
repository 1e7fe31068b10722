# SPDX-License-Identifier: Apache-2.0
"""Public ids: what a provider's own id of a model is called here. For condense.py.

Only spelling is undone (prefixes of vendors and hosts, separators in version numbers, the dated snapshots of models that have
one snapshot). What may be another model keeps a name of its own: quantisations, -turbo, -fast, free offers, other dates,
regional profiles. What rules cannot know stands under `names` in models.yaml.
"""
import re

# No chat, completion or embedding model of text.
OTHER_KINDS = re.compile(
    r"whisper|tts|realtime|dall-e|imagen|veo-|sora|lyria|flux|stable-|sdxl|transcri|speech|orpheus|rerank|moderation"
    r"|gpt-image|chatgpt-image|mistral-ocr|kokoro|-asr|parakeet|canary|riva|video|native-audio|-live|nova-sonic|nova-canvas"
    r"|nova-reel|titan-image|imagine|seedream|kling|wan2|black-forest|bark|esrgan|-vad|voice|nano-banana|computer-use-tool"
    r"|cosmos|reward|embed-qa|nv-embedcode|detector|paddleocr|^auto$|openrouter/(auto|free|bodybuilder)|-image$|-image-preview$"
    r"|-image-\d|twelvelabs|marengo|pegasus|sam-audio|translation|qwen-mt|clip|segment|usdcode|studiovoice|diffusion"
    r"|gemini-flash-experimental|multimodalembedding|grounding-dino|ocdrnet|visual-changenet|bevformer|sparsedrive|streampetr|maisi|vista3d|genmol|proteina|evo2|molmim"
)
# Withdrawn by their providers, or never theirs, though a source still lists them.
RETIRED = re.compile(
    r"^bedrock:(anthropic\.claude-(v|instant)|ai21\.j2|cohere\.command-(text|light)|[^.]*$|[^.]*@|.*@|claude-)"
    r"|^perplexity:(pplx-(?!embed)|codellama|llama|mistral|mixtral|sonar-(small|medium))"
    r"|^deepseek:deepseek-(r1|v3|coder)|^fireworks:([^/]*|.*/)$|^vertex:text-unicorn|^azure:(ada|gpt-35-turbo-instruct.*)$"
    r"|^openai:(gpt-4-(0314|32k.*|vision-preview|1106-vision-preview)|gpt-3.5-turbo-(0301|0613|16k-0613))$|^ai21:j2-"
    r"|^anthropic:claude-(v?[12]|instant|4-)"
)
EMBEDDING = re.compile(r"embed|(^|[/.-])(bge|gte|e5|uae)-|m2-bert|minilm|multilingual-e5|plamo-embedding|voyage|jina-")
OWN_VERSION = re.compile(r"^embed-|^titan-embed")    # whose -v2 is the model's and not the row's
REGION = re.compile(r"^(us-gov|us|eu|apac|jp|au|ca|global|amer|sa|in)\.(?=[a-z0-9]+\.)")
VENDORS = r"^(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek|qwen|openai|google|nvidia|minimax|moonshot|moonshotai|zai|writer|xai|stability|luma)\."


def region_of(provider, own):
    """The region that a Bedrock inference profile keeps to; '' for the model itself and its global profile."""
    found = REGION.match(own) if provider == "bedrock" else None
    return found.group(1) if found and found.group(1) != "global" else ""


def bare(provider, own):
    """The model's own name within a provider's id: lower case, without prefixes."""
    name = own.lower()
    if provider in ("bedrock", "bedrock-mantle"):
        name = re.sub(r"^deepseek\.(?=r1|v\d)", "deepseek-", REGION.sub("", name))
        name = re.sub(r"-v0:(\d)$", r"-v0.\1", re.sub(VENDORS, "", name))
        if OWN_VERSION.search(name):
            name = re.sub(r":\d+(:\w+)?$", "", name)
        else:
            name = re.sub(r"-v[1-9]\d*(:\d+(:\w+)?)?$|-\d+:\d+$|:\d+(:\w+)?$", "", name)
    if provider == "vertex":
        name = re.sub(r"@(default|latest|\d{3})$", "", name).replace("@", "-")
        name = re.sub(r"-maas$", "", name)
    if provider == "databricks":
        name = re.sub(r"^databricks-", "", name)
        name = re.sub(r"^(gpt|gemini)-(\d)-(\d)(?=-|$)", r"\1-\2.\3", name)
    name = name.rsplit("/", 1)[-1]
    if provider == "fireworks":
        name = re.sub(r"(\d)p(\d)", r"\1.\2", name)
    return re.sub(r"[_\s]+", "-", name)


def claude(name):
    # Two models were called 3.5 Sonnet; every other date is that of the only one.
    name = re.sub(r"-(latest|20(?!240620)\d{6})(?=$|-)", "", name)
    name = re.sub(r"^claude-(\d)-(opus|sonnet|haiku)$", r"claude-\2-\1" if name in
                  ("claude-4-opus", "claude-4-sonnet") else r"claude-\1-\2", name)
    name = re.sub(r"^claude-(opus|sonnet|haiku|fable)-(\d)-0$", r"claude-\1-\2", name)
    name = re.sub(r"^claude-(opus|sonnet|haiku|fable)-(\d)-(\d)(?=$|-)", r"claude-\1-\2.\3", name)
    return re.sub(r"^claude-(\d)-(\d)-(opus|sonnet|haiku)", r"claude-\1.\2-\3", name)


def gemini(name):
    name = re.sub(r"^(gemini-(?:1\.5|2\.0)-[a-z0-9-]+)-00[12]$", r"\1", name)
    return re.sub(r"^(gemini-[34][a-z0-9.-]*?)-preview$", r"\1", name)


def llama(name):
    name = re.sub(r"^meta-llama-", "llama-", name)
    name = re.sub(r"^llama-?v?(\d)[.-](\d)(?=-\d+b)", r"llama-\1.\2", name)
    name = re.sub(r"^llama-?v?(\d)(?=-|\.)", r"llama-\1", name)
    name = re.sub(r"^(llama-4-(?:scout|maverick))-17b(?:-(?:16|128)e)?", r"\1", name)
    return re.sub(r"-instruct(?=$|-)", "", name)


FAMILIES = (
    (r"^claude", claude),
    (r"^gemini", gemini),
    (r"^(meta-)?llama", llama),
    (r"^gpt-35", lambda n: n.replace("gpt-35", "gpt-3.5")),
    (r"^(zai|z-ai)-glm", lambda n: re.sub(r"^z-?ai-", "", n)),
    (r"^kimi", lambda n: re.sub(r"-(preview|instruct)(?=$|-)", "", n)),
    (r"^grok-4-(1|20)-", lambda n: re.sub(r"^grok-4-", "grok-4.", n)),
    (r"^jamba-1-5", lambda n: n.replace("1-5", "1.5", 1)),
    (r"^qwen", lambda n: re.sub(r"^qwen-(?=\d)", "qwen", re.sub(r"^(qwen\d)-(\d)(?=-|$)", r"\1.\2", n))),
    (r"^deepseek", lambda n: re.sub(r"^deepseek-chat-v", "deepseek-v", n)),
    (r"^gemma", lambda n: re.sub(r"-it(?=$|-|:)", "", n)),
    (r"^(cohere|ai21|microsoft|mistral-ai|xai)-(?=command|jamba|phi|mistral|grok|embed)", lambda n: n.split("-", 1)[1]),
)
SNAPSHOT = re.compile(r"-20\d\d-\d\d-\d\d$")
LATEST = re.compile(r"^(?!gemini)(.*)-latest$")


def spelled(name):
    for pattern, respell in FAMILIES:
        if re.match(pattern, name):
            name = respell(name)
    return name


def public_ids(provider, own, names):
    """What this may be called, best first: a name that joins, then ever more careful ones."""
    for key in (f"{provider}:{own}", own):
        if key in names:
            return [names[key]]
    careful = spelled(bare(provider, own))
    joined = LATEST.sub(r"\1", SNAPSHOT.sub("", careful))
    region = region_of(provider, own)
    candidates = [joined, careful, bare(provider, own)]
    found = []
    for name in candidates:
        name = names.get(name, name)
        name = f"{name}@{region}" if region else name
        if name and name not in found:
            found.append(name)
    return found


def is_other_kind(own):
    return OTHER_KINDS.search(own.lower()) is not None


def is_retired(provider, own):
    return RETIRED.search(f"{provider}:{own.lower()}") is not None


def is_embedding(own):
    return EMBEDDING.search(own.lower()) is not None


# Who makes it: whose rows say what is true of a model everywhere.
MAKERS = (
    (r"^(gpt-(?!oss)|o\d|chatgpt|text-embedding-(3|ada)|davinci|babbage|codex|computer-use)", "openai"), (r"^claude", "anthropic"),
    (r"^(gemini|gemma)", "google"), (r"^(mistral|ministral|magistral|codestral|devstral|pixtral|voxtral)", "mistral"),
    (r"^(command|c4ai|embed-|north)", "cohere"), (r"^deepseek", "deepseek"), (r"^grok", "xai"), (r"^sonar", "perplexity"),
    (r"^(kimi|moonshot)", "moonshot"), (r"^(qwen|qwq|qvq)", "dashscope"), (r"^glm", "zai"), (r"^minimax", "minimax"),
    (r"^jamba", "ai21"), (r"^(nova|titan)", "bedrock"),
)


def maker_of(public):
    return next((provider for pattern, provider in MAKERS if re.match(pattern, public)), None)
