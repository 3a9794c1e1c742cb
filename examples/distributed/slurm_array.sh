#!/usr/bin/env bash
# 200 workers as a Slurm array: sbatch slurm_array.sh
# OPTUNA_STORAGE says where the study is (see README.md), for example a proxy on the login node:
#   export OPTUNA_STORAGE=grpc://login1:13000
#SBATCH --job-name=linas
#SBATCH --array=0-199
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --time=08:00:00
#SBATCH --requeue
# SIGTERM to the worker ten minutes before the time is over: it ends after its trial.
#SBATCH --signal=B:TERM@600
#SBATCH --output=linas-%A_%a.out
set -euo pipefail

: "${OPTUNA_STORAGE:?is the address of the study, for example grpc://login1:13000}"
trials="${TRIALS:-20000}"
here="${SLURM_SUBMIT_DIR:-$(dirname "$0")}"

# 200 connections at the same second are more than most databases like.
sleep "$((${SLURM_ARRAY_TASK_ID:-0} % 30))"

export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-1}"
exec "${PYTHON:-python}" "$here/worker.py" --study "${STUDY:-search}" --trials "$trials"
