"""The endpoint that bench/api.py compares with: as FastAPI's documentation writes one, its answer ready in memory."""

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Code(BaseModel):
    """A code."""

    id: str
    slug: str
    short_url: str
    destination: str
    title: str
    state: str
    tags: list[str]
    folder: str
    revision: int
    created_at: str
    updated_at: str


class Page(BaseModel):
    """A page of codes."""

    items: list[Code]
    next_cursor: str | None


def _code(number: int) -> dict[str, object]:
    return {
        "id": f"01936b2e-7c1a-7e3f-9d55-0a4f6f1c{number:04d}",
        "slug": f"menu-{number}",
        "short_url": f"http://localhost:8080/menu-{number}",
        "destination": f"https://example.com/menu/{number}",
        "title": "",
        "state": "active",
        "tags": [],
        "folder": "",
        "revision": 1,
        "created_at": "2026-11-21T09:30:00.125Z",
        "updated_at": "2026-11-21T09:30:00.125Z",
    }


CODES = [_code(number) for number in range(20)]


@app.get("/v1/codes", response_model=Page)
async def codes() -> dict[str, object]:
    return {"items": CODES, "next_cursor": None}
