"""One file per figure, with a function ``draw(results) -> (matplotlib figure, data frame)``."""
