"""The Fleet page: which few of thousands of households need somebody."""
