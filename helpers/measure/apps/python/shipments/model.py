"""What a shipment is, and what the API takes as one."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Status = Literal["created", "in_transit", "delivered", "cancelled"]
Reference = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
Place = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[A-Z2-9]{3}$")]
Weight = Annotated[float, Field(gt=0, le=40_000)]

_NEXT: dict[Status, tuple[Status, ...]] = {
    "created": ("in_transit", "cancelled"),
    "in_transit": ("delivered",),
    "delivered": (),
    "cancelled": (),
}


class Body(BaseModel):
    """A JSON body: no unknown field, and no text where a number should be."""

    model_config = ConfigDict(extra="forbid", strict=True)


class NewShipment(Body):
    """What a client says of a new shipment."""

    reference: Reference
    origin: Place
    destination: Place
    weightKg: Weight  # noqa: N815 - the name in the API


class Changes(Body):
    """What a client may change; a field that it leaves out stays as it is."""

    reference: Reference = ""
    destination: Place = ""
    weightKg: Weight = 0  # noqa: N815
    status: Status = "created"

    @model_validator(mode="after")
    def _at_least_one(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("must change at least one field")
        return self


class Query(BaseModel):
    """What a client asks a list for."""

    model_config = ConfigDict(extra="forbid")

    status: Status | None = None
    destination: Place | None = None
    page: int = Field(1, ge=1)
    pageSize: int = Field(20, ge=1, le=100)  # noqa: N815


class Shipment(NewShipment):
    """A shipment as the API keeps and shows it."""

    id: str
    status: Status = "created"
    createdAt: str  # noqa: N815
    updatedAt: str  # noqa: N815


def can_move(old: Status, new: Status) -> bool:
    """Whether a shipment with the status ``old`` may get the status ``new``."""
    return old == new or new in _NEXT[old]
