import numpy as np
import pytest
from scipy.optimize import minimize as scipy_minimize

from core.arrays import Numbers
from finetune.lbfgs import minimize


class Logistic:
    """The mean logistic loss of 200 rows with a quadratic penalty, in double precision."""

    def __init__(self, *, decay: float, dimensions: int = 30) -> None:
        rng = np.random.default_rng(0)
        self.rows = rng.normal(size=(200, dimensions)) * np.logspace(0, -2, dimensions)
        self.signs = np.where(self.rows[:, 0] + rng.normal(size=200) > 0, 1.0, -1.0)
        self.decay, self.calls = decay, 0

    def __call__(self, point: Numbers) -> tuple[float, Numbers]:
        self.calls += 1
        margins = self.signs * (self.rows @ point)
        loss = np.logaddexp(0, -margins).mean() + self.decay / 2 * point @ point
        residual = -self.signs / (1 + np.exp(margins)) / len(self.rows)
        return float(loss), self.rows.T @ residual + self.decay * point


@pytest.mark.parametrize("decay", [1e-1, 1e-2, 1e-3])
def test_the_minimum_is_that_of_scipy(decay: float) -> None:
    function = Logistic(decay=decay)
    found = minimize(function, np.zeros(30), tolerance=1e-11, max_steps=1000)
    options = {"gtol": 1e-11, "ftol": 1e-16, "maxiter": 1000}
    expected = scipy_minimize(Logistic(decay=decay), np.zeros(30), jac=True, method="L-BFGS-B", options=options)
    assert found.value == pytest.approx(expected.fun, abs=1e-12)
    np.testing.assert_allclose(found.place, expected.x, atol=1e-6)


def test_it_takes_few_steps_and_hardly_more_evaluations() -> None:
    function = Logistic(decay=1e-3)
    found = minimize(function, np.zeros(30), tolerance=1e-6, max_steps=1000)
    assert found.steps < 60
    assert function.calls < 1.3 * found.steps + 5


def test_it_ends_at_the_limit_of_steps_and_at_a_start_that_is_the_minimum() -> None:
    function = Logistic(decay=1e-3)
    assert minimize(function, np.zeros(30), tolerance=1e-12, max_steps=3).steps == 3
    assert minimize(lambda x: (float(x @ x), 2 * x), np.zeros(3), tolerance=1e-9, max_steps=9).steps == 0


def test_it_ends_where_rounding_hides_the_way_down() -> None:
    def rounded(point: Numbers) -> tuple[float, Numbers]:
        return round(float(point @ point), 3), 2 * point

    assert minimize(rounded, np.full(3, 5.0), tolerance=0.0, max_steps=10_000).steps < 100
