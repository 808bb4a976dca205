"""What a gradient check found."""


def rejected(report):
    """Return {array: hint} of the rows that failed."""
    return {row.name: row.hint for row in report.rows if not row.passed}
