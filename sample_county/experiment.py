"""Who was pushed in the ten batches and who was held back from them, so that an effect of known size can be found."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sample_county import parameters as p
from sample_county.identifiers import Ints
from sample_county.randomness import stream


@dataclass(frozen=True)
class Experiment:
    """Ten batches with a planted effect each.

    held_village: for each village whether it was held back from the batches that go to whole villages.
    affinity: for each customer the planted log odds of responding, in the batches where they count.
    village_response: for each village its deviation in log odds, in the batches that go to whole villages.
    codes: the list of each batch.
    """

    held_village: NDArray[np.bool_]
    affinity: NDArray[np.float64]
    village_response: NDArray[np.float64]
    village: Ints
    codes: tuple[str, ...]
    random: np.random.Generator

    def controls(self, treated: Ints, credited: Ints) -> tuple[Ints, Ints]:
        """Of each batch how many are held back, and how many of these are credited all the same."""
        held = np.round(treated * p.LIST_CONTROL_SHARE / (1 - p.LIST_CONTROL_SHARE)).astype(np.int64)
        effect = np.array([p.LIST_EFFECTS[code] for code in self.codes])
        rate = np.maximum(credited / np.maximum(treated, 1) - effect, 0.0)
        return held, self.random.binomial(held, rate)

    def choose_credited(self, customer: Ints, batch: Ints, is_held: NDArray[np.bool_]) -> Ints:
        """One position in `customer` for each place in a batch, nobody twice.

        Positions are drawn with probabilities in proportion to the odds of responding (Gumbel's trick).
        """
        chosen = np.empty(len(batch), dtype=np.int64)
        free = np.ones(len(customer), dtype=bool)
        for number in range(len(self.codes)):
            for held in (False, True):
                places = np.flatnonzero((batch == number) & (is_held == held))
                may = np.flatnonzero(free & self._belongs(customer, number, held))
                keys = self._log_odds(customer[may], number) + self.random.gumbel(size=len(may))
                chosen[places] = may[np.argsort(-keys, kind="stable")[: len(places)]]
                free[chosen[places]] = False
        return chosen

    def choose_quiet(self, quiet: Ints, batch: Ints, is_held: NDArray[np.bool_]) -> Ints:
        """One of the customers without a line for each place in a batch, in their order; twice only if there are few.

        Batches that go to whole villages choose first: the others take anybody.
        """
        chosen = np.empty(len(batch), dtype=np.int64)
        free = np.ones(len(quiet), dtype=bool)
        by_village = [number for number, code in enumerate(self.codes) if code in p.LIST_VILLAGE_BATCHES]
        for number in [*by_village, *(n for n in range(len(self.codes)) if n not in by_village)]:
            for held in (False, True):
                places = np.flatnonzero((batch == number) & (is_held == held))
                belongs = self._belongs(quiet, number, held)
                may = np.flatnonzero(free & belongs)
                if len(may) < len(places):
                    may = np.flatnonzero(belongs)
                taken = may[np.arange(len(places)) % len(may)]
                chosen[places] = quiet[taken]
                free[taken] = False
        return chosen

    def _belongs(self, customer: Ints, number: int, held: bool) -> NDArray[np.bool_]:
        if self.codes[number] not in p.LIST_VILLAGE_BATCHES:
            return np.ones(len(customer), dtype=bool)
        belongs: NDArray[np.bool_] = self.held_village[self.village[customer]] == held
        return belongs

    def _log_odds(self, customer: Ints, number: int) -> NDArray[np.float64]:
        code = self.codes[number]
        odds = np.zeros(len(customer))
        if code in p.LIST_RESPONSE_BATCHES:
            odds += self.affinity[customer]
        if code in p.LIST_VILLAGE_BATCHES:
            odds += self.village_response[self.village[customer]]
        return odds


def make_experiment(rows: pd.DataFrame, owners: Ints, codes: tuple[str, ...], today: int, seed: int) -> Experiment:
    """`rows` is the frame of customers; `owners` are those with a shop that takes cards and codes."""
    random = stream(seed, "experiment")
    village = rows["village"].to_numpy()
    villages = int(village.max()) + 1
    held = np.zeros(villages, dtype=bool)
    held[random.permutation(villages)[: max(1, round(villages * p.CONTROL_VILLAGE_SHARE))]] = True
    length = np.log1p(np.maximum(today - rows["opened"].to_numpy(), 0) / 365.25)
    affinity = p.RESPONSE_OF_RELATION_LENGTH * (length - length.mean()) / length.std()
    affinity[owners] += p.RESPONSE_OF_MERCHANTS
    return Experiment(held, affinity, random.normal(0, p.VILLAGE_RESPONSE_DEVIATION, villages), village, codes, random)
