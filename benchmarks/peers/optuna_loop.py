"""Optuna's own loop on sqlite, with or without MLflow by hand: trials of four epochs that cost nothing themselves.

As Optuna's "Efficient Optimization Algorithms" says (report, should_prune); with "mlflow" as a word, a child run a
trial and a metric an epoch, as MLflow's tutorial on tuning says. Called as: optuna_loop SAMPLER N_TRIALS [mlflow].
"""

import math
import random
import sys
from contextlib import nullcontext

import optuna

N_EPOCHS = 4


def main(sampler, n_trials, mlflow=None):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    samplers = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}
    study = optuna.create_study(
        storage="sqlite:///loop.db",
        sampler=samplers[sampler](seed=0),
        pruner=optuna.pruners.NopPruner(),
        direction="maximize",
    )

    def objective(trial):
        drop_mult = trial.suggest_float("drop_mult", 0.05, 1.0)
        lr = trial.suggest_float("lr", 1e-3, 1e-1, log=True)
        with mlflow.start_run(nested=True) if mlflow else nullcontext():
            if mlflow:
                mlflow.log_params(trial.params)
            for epoch in range(1, N_EPOCHS + 1):
                value = 1 / (1 + abs(math.log10(lr) + 2)) - drop_mult / 10 + random.gauss(0, 0.01) + epoch / 100
                if mlflow:
                    mlflow.log_metrics({"accuracy": value, "valid_loss": -value, "train_loss": -value}, step=epoch)
                trial.report(value, epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned
        return value

    with mlflow.start_run() if mlflow else nullcontext():
        study.optimize(objective, n_trials=n_trials)


if __name__ == "__main__":
    with_mlflow = None
    if sys.argv[3:] == ["mlflow"]:
        import mlflow as with_mlflow

        with_mlflow.set_tracking_uri("sqlite:///loop-mlflow.db")
        with_mlflow.set_experiment("loop")
    main(sys.argv[1], int(sys.argv[2]), with_mlflow)
