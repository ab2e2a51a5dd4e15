"""Models by name: from the cache of Hugging Face's library, as no test has a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import text_models

PROGRAM = """
import sys
from kgr.errors import ConfigError
from kgr.models.text_config import EncoderConfig
from kgr.models.text_encoder import TextEncoder
for name in sys.argv[1:]:
    try:
        own = TextEncoder(name, EncoderConfig(device="cpu"))
        print(own.settings["model"], own.settings["pooling"], own.width)
    except ConfigError as error:
        print(error)
"""


def test_names_without_a_network(tmp_path: Path) -> None:
    """What is in the cache is read; else one request fails, and one line says so: the library's retries take long."""
    place = tmp_path / "hub" / "models--own--small"
    folder = text_models.save_encoder(place / "snapshots" / ("0" * 40))
    (folder / "modules.json").write_text('[{"type": "x.Transformer", "path": ""}, {"type": "x.Pooling", "path": "p"}]')
    (folder / "p").mkdir()
    (folder / "p" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("0" * 40)
    nobody = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}
    called = [sys.executable, "-c", PROGRAM, "own/small", "own/none", "none", "a name"]
    done = subprocess.run(called, env={**os.environ, **nobody}, capture_output=True, text=True, check=True)
    first, *others = done.stdout.splitlines()
    assert first == "own/small cls 16"
    for name, line in zip(called[4:], others, strict=True):
        assert line.startswith(f"model is {name!r}, which is no folder, and not to be had from Hugging Face: ")
    assert done.stderr == ""
