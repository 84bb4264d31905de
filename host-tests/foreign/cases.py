"""Columns that the strangers' files have in common, and what the two jobs make of them.

Every file has `id`, `gone`, `label`, `amount` and the columns of its case. The job `carry` renames `id` to `row_id`, drops
`gone` and writes `label` in capitals; every other column is carried, encoded as it is. The job `select` also casts
`amount` to a whole number and so rejects each row whose amount is unreadable: then no row group can be copied as it is.
"""

ROWS = 3_000
ROW_GROUP = 1_000
UNREADABLE = 50  # every such row


def ids(rows=ROWS):
    return list(range(rows))


def gone(rows=ROWS):
    return [i % 7 for i in range(rows)]


def labels(rows=ROWS):
    return [None if i % 11 == 3 else f"Label {i % 13}" for i in range(rows)]


def amounts(rows=ROWS):
    return ["unreadable" if i % UNREADABLE == UNREADABLE - 1 else str(i * 3) for i in range(rows)]


def sparse(make, rows=ROWS):
    """A value per row, every fifth missing."""
    return [None if i % 5 == 2 else make(i) for i in range(rows)]
