"""Titles and captions of the figures."""

CAPTIONS = {  # name -> (title, caption with n, interval and budgets)
    "best_by_batch_size": (
        "Best test accuracy against batch size",
        "Each point is the base learning rate η̃ with the best mean validation accuracy over {seeds} seeds, read on test "
        "images; bars are 95% t intervals over seeds, these test images only (new images would widen them). Budgets: "
        "{budgets}. Below: the η̃ chosen.",
    ),
    "claims": (
        "Effects of the claims",
        "Each effect with its interval at the level of its verdict, over seeds and test images, and δ, the least effect worth having. Budgets: {budgets}; {seeds} seeds.",
    ),
    "accuracy_by_time": (
        "Accuracy against time",
        "Every setting at its best η̃ (means over {seeds} seeds), against the time that its updates take one model alone, in plain "
        "PyTorch on the machine named below. The line steps where a slower setting is better on validation images and significantly better on test images than the last step. "
        "Budgets: {budgets}.",
    ),
    "accuracy_by_rate": (
        "Test accuracy against base learning rate",
        "Means over {seeds} seeds for every batch size m; a cross marks an η̃ at which a seed diverged, or did not train "
        "although a smaller η̃ did. Failed points stay in the means. Budgets: {budgets}.",
    ),
    "rate_heat_map": (
        "Batch size × base learning rate",
        "Mean test accuracy (%) over {seeds} seeds. A cross: a seed failed. A frame: the best η̃ on validation images. "
        "Empty: not tried. Budgets: {budgets}.",
    ),
    "stable_range": (
        "Range of learning rates that train",
        "From the smallest η̃ whose mean validation accuracy over {seeds} seeds is within 0.5 points of the best, to the largest "
        "that trains (half way from the last that is reached from the best without failure to the first that fails, mean over "
        "seeds of the exponent: the number of the claim); left in η̃, right in η = η̃·m. An open end is the end of the grid. "
        "Budgets: {budgets}.",
    ),
    "bn_batch_size": (
        "SGD batch size × batch-norm batch size",
        "Test accuracy of the best η̃ of each pair, with exact statistics; bars are 95% t intervals over {seeds} seeds, "
        "these test images only. Budgets: {budgets}.",
    ),
    "learning_curves": (
        "Learning curves",
        "Mean validation loss over {seeds} seeds at the best η̃ of each m, against examples (left) and updates (right); "
        "running statistics for batch norm. Budgets: {budgets}.",
    ),
    "throughput": (
        "Training throughput",
        "Images per second of one core, training steps only, medians of 3 short timings on the machine named below: one "
        "model alone, and the replicas of a fleet together.",
    ),
    "rate_scaling": (
        "How the best learning rate goes with the batch size",
        "The best η = η̃·m of each m (the top of a parabola through the best η tried and its neighbours, from {seeds} seeds) and the "
        "curve that predicts a left-out m best. The exponent of η* ∝ m^p stands where a power of m fits: p = 1 is the linear scaling "
        "rule, ½ the square-root rule, 0 a constant η. Open marks lie on the edge of their grid and are not in the fit. Budgets: "
        "{budgets}.",
    ),
    "schedule_curves": (
        "Accuracy and loss of each schedule",
        "Means over {seeds} seeds at the best η̃ of each schedule and first batch size, chosen on validation images; bands are "
        "95% t intervals over seeds, these images only. Left against examples, in the middle against updates, right against "
        "the time that one model alone would take on this machine. Budgets: {budgets}.",
    ),
    "updates_to_target": (
        "What it takes to reach the same accuracy",
        "Updates, examples and time of one model alone at the first epoch's end at or above the target, means over {seeds} "
        "seeds with 95% t intervals. Unless the study names a target, it is the highest, in half points, that every "
        "schedule's seeds reach. Budgets: {budgets}.",
    ),
    "batch_size_course": (
        "Batch size over training",
        "Left the examples of an update, right Smith's noise scale g = ηN/(m(1 − momentum)), means over {seeds} seeds. Where "
        "a rule chooses the batch size it is the mean of an epoch's updates. Budgets: {budgets}.",
    ),
    "noise_scale": (
        "Gradient noise scale over training",
        "The simple noise scale tr Σ/|G|² (McCandlish et al. 2018) by the unbiased two-batch estimator, means over {seeds} "
        "seeds and three epochs before the division; bands: 95% intervals (Fieller), open above where |G|² is not told from "
        "zero. Dashed: the batch size used. Budgets: {budgets}.",
    ),
}
