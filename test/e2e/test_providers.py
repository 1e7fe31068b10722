# SPDX-License-Identifier: Apache-2.0
"""Every provider that the catalogue knows, named in one file: the commands cope with all of them."""

import pathlib
import re
import tempfile
import unittest

from harness import ROOT, run_weir

CATALOGUE = pathlib.Path(ROOT) / "catalogue" / "providers.yaml"
ACCOUNT = {
    "AZURE_OPENAI_ENDPOINT": "https://res.openai.azure.com", "ANTHROPIC_FOUNDRY_RESOURCE": "res", "GOOGLE_CLOUD_PROJECT": "p",
    "DATABRICKS_HOST": "https://ws.cloud.databricks.com", "CLOUDFLARE_ACCOUNT_ID": "acc",
}


def catalogue():
    """Name → its first key variable, or None."""
    text = CATALOGUE.read_text(encoding="utf-8").split("\nproviders:\n", 1)[1]
    parts = re.split(r"^  ([a-z0-9-]+):$", text, flags=re.MULTILINE)[1:]
    found = {}
    for name, row in zip(parts[::2], parts[1::2]):
        keys = re.search(r"^    keys: \[([A-Z0-9_]+)", row, flags=re.MULTILINE)
        found[name] = keys[1] if keys else None
    return found


class EveryProvider(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="weir-e2e-")
        self.addCleanup(folder.cleanup)
        self.known = catalogue()
        self.file = pathlib.Path(folder.name) / "weir.yaml"
        self.file.write_text("providers:\n" + "".join(f"  {name}:\n" for name in self.known))
        self.keys = {key: "sk-test-0123456789" for key in self.known.values() if key}

    def test_check_says_who_lacks_what(self):
        result = run_weir("check", "-c", self.file)
        self.assertEqual(result.returncode, 0, result.stderr)
        said = result.stdout + result.stderr
        for name in ("azure", "azure-anthropic", "vertex", "databricks", "cloudflare"):
            self.assertIn(f"no base URL for '{name}'", said)
        self.assertIn("no key for 'openai': OPENAI_API_KEY is not set", said)
        for name in ("ollama", "vllm", "llamacpp", "lmstudio", "sglang", "tgi"):
            self.assertNotIn(f"'{name}'", said)

    def test_check_is_content_when_all_is_set(self):
        result = run_weir("check", "-c", self.file, env={**self.keys, **ACCOUNT})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("no base URL", result.stdout + result.stderr)
        self.assertIn(f"{len(self.known)} providers", result.stdout)

    def test_explain_shows_where_each_would_be_asked(self):
        for name in self.known:
            with self.subTest(name):
                result = run_weir("explain", "-c", self.file, "-m", f"{name}/some-model", env={**self.keys, **ACCOUNT})
                self.assertRegex(result.stdout, rf"(?m)^[1-] +{name} ")
                self.assertNotIn("no base URL", result.stdout)

    def test_models_lists_what_they_serve(self):
        result = run_weir("models", "-c", self.file, env={**self.keys, **ACCOUNT})
        self.assertEqual(result.returncode, 0, result.stderr)
        for name in ("openai", "vertex", "bedrock", "openrouter"):
            self.assertRegex(result.stdout, rf"\b{name}\b")


if __name__ == "__main__":
    unittest.main()
