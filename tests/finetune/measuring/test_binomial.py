import numpy as np
import pytest
from scipy.stats import beta, binom

from finetune.measuring.binomial import binomial_cdf, largest_chance


@pytest.mark.parametrize("chance", [1e-4, 0.01, 0.05, 0.3, 0.5, 0.97])
@pytest.mark.parametrize("trials", [1, 2, 50, 1000, 100_000])
def test_the_distribution_is_that_of_scipy(trials: int, chance: float) -> None:
    successes = np.unique(np.linspace(0, trials, 60).astype(int))
    successes = np.unique([*successes, *np.clip(round(trials * chance) + np.arange(-20, 21), 0, trials)])
    found = binomial_cdf(successes, np.full(len(successes), trials), chance)
    expected = binom.cdf(successes, trials, chance)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (0, 400), (3, 86), (499, 500), (120, 10_000)])
@pytest.mark.parametrize("level", [0.05, 0.0125])
def test_the_largest_chance_is_the_bound_of_clopper_and_pearson(successes: int, trials: int, level: float) -> None:
    expected = beta.ppf(1 - level, successes + 1, trials - successes)
    assert largest_chance(successes, trials, level=level) == pytest.approx(expected, rel=1e-8)
