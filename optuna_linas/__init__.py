"""Neural architecture search inside Optuna. See README.md."""
