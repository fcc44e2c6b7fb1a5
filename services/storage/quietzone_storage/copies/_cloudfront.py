"""Invalidations of a CloudFront distribution. boto3 blocks, and runs on the executor."""

import re
from collections.abc import Iterable
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from quietzone_kit.runtime import Executor
from quietzone_storage.copies import CopiesUnavailable, Purge

TIMEOUTS = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})

_ASSET = re.compile("/files/[^_.]*|")
"""What the paths of an asset's files have in common."""


class CloudFrontCopies:
    """See Copies. CloudFront knows no tags: an asset's files are those whose names begin with its id. Each item is paid for, and 15
    that end with `*` may be under way at once (https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html):
    an asset makes one.
    """

    def __init__(self, distribution: str, executor: Executor) -> None:
        self._distribution = distribution
        self._executor = executor
        self._made: Any = None

    async def purge(self, what: Purge) -> None:
        """See Copies. One invalidation, named by the purge's reference: CloudFront makes no second one of the same name."""
        prefixes = (*what.prefixes, *(f"/files/{tag}" for tag in what.tags))
        begins = (*_fewest(path for path in what.paths if not path.startswith(prefixes)), *prefixes)
        items = [f"{each}*" for each in begins]  # a signed URL's query is part of what CloudFront keeps it by
        if not items:
            return
        batch = {"Paths": {"Quantity": len(items), "Items": items}, "CallerReference": what.reference}
        try:
            await self._executor.run(partial(self._invalidate, batch))
        except (ClientError, BotoCoreError) as error:
            raise CopiesUnavailable(f"CloudFront {self._distribution}: {error}; look at its id, and at the rights of this key") from error

    def client(self) -> Any:
        """The client, which takes 0.1 s to make."""
        if self._made is None:
            self._made = boto3.client("cloudfront", region_name="us-east-1", config=TIMEOUTS)
        return self._made

    def _invalidate(self, batch: dict[str, Any]) -> None:
        self.client().create_invalidation(DistributionId=self._distribution, InvalidationBatch=batch)


def _fewest(paths: Iterable[str]) -> list[str]:
    """What several files of an asset begin with in their place."""
    of_assets: dict[str, list[str]] = {}
    for path in paths:
        of_assets.setdefault(_ASSET.match(path)[0], []).append(path)  # type: ignore[index] # it matches anything
    return [asset if len(files) > 1 else files[0] for asset, files in of_assets.items()]
