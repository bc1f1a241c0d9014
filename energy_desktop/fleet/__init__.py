"""The questions of analytics over thousands of meters, as ibis expressions.

One set of expressions, two engines: DuckDB inside this process, Spark on a cluster. Households are
worked on in parts, so memory stays flat as the data grow.
"""
