"""What stores of blobs count, and what to do when it moves."""

from prometheus_client import Counter, Histogram

CALLS = Histogram(
    "quietzone_blobs_seconds",
    "Calls of the store's adapter, by operation and outcome. 'BlobsUnavailable': the error in the log names the store and what to look at. "
    "Slow puts: its disk, or the way there.",
    ["operation", "outcome"],
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0),
)
BYTES = Counter(
    "quietzone_blobs_bytes_total",
    "Bytes written to and read from the store. Far more read than people ask for: something reads the same blobs again, cache them.",
    ["direction"],
)
CLEARED = Counter(
    "quietzone_blobs_files_cleared_total",
    "Files that killed writers left half written, and that were removed. Rises: writers are killed while they write, see why.",
)
