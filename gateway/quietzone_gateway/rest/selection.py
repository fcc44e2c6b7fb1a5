"""`fields=`: only some fields of what is shown."""

from pydantic import BaseModel

from quietzone_kit.errors import FieldViolation, InvalidInput


def selected(fields: str | None, model: type[BaseModel]) -> set[str] | None:
    """The names in a list such as `slug,title`, and `id`, which is always shown; None when nobody chose.

    Raises:
        InvalidInput: names those that `model` hasn't.
    """
    if fields is None:
        return None
    asked = {name.strip() for name in fields.split(",")}
    unknown = sorted(asked - set(model.model_fields))
    if unknown:
        raise InvalidInput(FieldViolation("fields", f"no field {', '.join(map(repr, unknown))}; there are {', '.join(model.model_fields)}"))
    return asked | {"id"}
