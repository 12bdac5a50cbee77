"""Benchmarks: every figure beside a baseline that is measured alternately in the same run (`make bench`)."""
