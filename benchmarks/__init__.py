"""Side-by-side measurements that anyone can re-run; see docs/benchmarks.md."""
