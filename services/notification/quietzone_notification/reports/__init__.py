"""Reports: how often an account's codes were scanned within a week, as a mail and as a PDF."""
