"""What is no series: rows in, domain values out."""
