"""Many calls: plan, map-reduce, one module a verb."""
