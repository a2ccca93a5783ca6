"""One file a figure. Each has ``draw(results) -> (matplotlib figure, data frame behind it)``."""
