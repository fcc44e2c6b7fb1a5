"""What requests and answers have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

CODE_ID = "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b3d"
"""In examples."""

Time = Annotated[str, Field(description="RFC 3339 in UTC with milliseconds", examples=["2026-11-21T09:30:00.125Z"])]


class Input(BaseModel):
    """What comes from outside: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")
