"""Have Cognee make a graph of some texts: a script for Cognee's own Python, which has nothing of ours."""

import asyncio
import sys

import cognee  # type: ignore[import-not-found, unused-ignore]


async def build(texts: list[str]) -> None:
    """Add texts to one dataset and make a graph of it."""
    await cognee.add(texts, dataset_name="stack")
    await cognee.cognify(datasets=["stack"])


asyncio.run(build(sys.argv[1:]))
