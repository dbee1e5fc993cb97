"""Labels by people: a task, two annotators, a third decision."""
