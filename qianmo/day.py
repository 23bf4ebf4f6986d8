"""The steps of a business date in order, as `qianmo run` does them and the DAGs wire them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from qianmo.errors import DataRefusedError

if TYPE_CHECKING:
    from delivery.deliver import Delivery
    from ingestion.bank import Bank
    from serving.publish import Publication

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Day:
    """What a day came to."""

    publication: "Publication"
    deliveries: "list[Delivery]"


def land_source(bank: "Bank", source: str, business_date: date, progress: Progress) -> None:
    """Land one source and put it through gate 1.

    Raises:
        DataRefusedError: a batch was refused, or a critical expectation failed.
    """
    from expectations.landing import check_landing
    from ingestion.land import land

    land(bank, source, business_date, progress)
    check_landing(bank, source, business_date)


def land_all(bank: "Bank", business_date: date, progress: Progress) -> None:
    """Land every source; one that is refused does not keep the others from landing.

    Raises:
        DataRefusedError: at least one source was refused; the message holds what each of them said.
    """
    refused: list[str] = []
    for source in bank.sources:
        try:
            land_source(bank, source, business_date, progress)
        except DataRefusedError as error:
            refused.append(f"{source}: {error}")
            progress(f"{source}: refused")
    if refused:
        raise DataRefusedError(
            "\n".join(refused) + f"\n{business_date} is not built; what was published before stays as it is"
        )


def run(bank: "Bank", business_date: date, progress: Progress) -> Day:
    """A whole business date, up to the delivery of what is approved. Safe to repeat and to kill."""
    from delivery.approval import pending
    from delivery.deliver import hand_over
    from expectations.marts import check_marts
    from qianmo.build import build
    from serving.publish import publish

    land_all(bank, business_date, progress)
    as_of = build(bank, business_date, progress).as_of
    progress(f"{as_of}: gate 2")
    check_marts(bank, as_of)
    publication = publish(bank, as_of)
    progress(f"{as_of}: published {publication.version}")
    deliveries = hand_over(bank, business_date, progress)
    progress(f"{business_date}: {len(deliveries)} deliveries")
    if waiting := pending(bank.home):
        progress(
            f"{len(waiting)} batches wait for approval 待审批: `qianmo list batches` shows them,"
            " `qianmo list approve` and `qianmo list reject` decide"
        )
    return Day(publication, deliveries)
