import warnings

import optuna

# What it imports where it finds it (botorch) warns of its own parts.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import optuna_dashboard._app  # noqa: F401

optuna.logging.set_verbosity(optuna.logging.WARNING)
