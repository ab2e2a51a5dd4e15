"""Settings of text models: how much they read, how they run, and how an encoder makes a vector of what they give."""

from __future__ import annotations

from dataclasses import dataclass

from kgr._config import setting

POOLINGS = ("cls", "mean", "last")
"""Of a text's tokens: the first, the mean of all, or the last one."""

PRECISIONS = ("float32", "bfloat16", "float16")


@dataclass(frozen=True, kw_only=True)
class TextModelConfig:
    """What every text model reads; those of a task are over it."""

    max_length: int | None = setting(
        None, "tokens read of a text, marks included; by default what the model's folder says, at most 512", low=8
    )
    batch: int = setting(32, "texts that the model reads at once, of about the same length", low=1)
    precision: str = setting("float32", "of the model; half of it on a GPU only", choices=PRECISIONS)
    device: str = setting("auto", "auto (the GPU where there is one), cpu, cuda or cuda:N")


@dataclass(frozen=True, kw_only=True)
class EncoderConfig(TextModelConfig):
    """Settings of a text encoder.

    What is None is as the model's folder says where it has the files of sentence-transformers; else the pooling is
    the mean, vectors are not normalised, and there are no prefixes.
    """

    pooling: str | None = setting(
        None, "tokens that the vector is of: the first, the mean or the last; by default as the model says, else mean",
        choices=POOLINGS,
    )  # fmt: skip
    normalize: bool | None = setting(None, "make each vector one of length 1; by default as the model says, else not")
    prefix: str | None = setting(None, "put before each text; by default as the model says, else nothing")
    query_prefix: str | None = setting(None, "put before each query; by default as the model says, else nothing")
