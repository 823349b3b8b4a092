from core.engine import batches


def test_every_row_is_in_one_batch_within_the_budget() -> None:
    lengths = [5, 120, 7, 7, 300, 6, 2]
    found = list(batches(lengths, batch_tokens=256))
    assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
    # A row longer than the budget is a batch of its own.
    assert all(len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= 256 for batch in found)


def test_the_number_of_rows_in_a_batch_is_limited() -> None:
    assert max(len(batch) for batch in batches([1] * 200, batch_tokens=10_000, max_rows=64)) == 64
