"""Is the tuned model better? Items, graders, results, and a verdict with its evidence."""
