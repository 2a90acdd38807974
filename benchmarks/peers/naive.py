"""fastai, Optuna and MLflow, joined as the tutorial of each says: texts are read, tokenized and numbered in each trial.

fastai's "Transfer learning in text" (TextDataLoaders.from_df, text_classifier_learner, fit_one_cycle), Optuna's
"Saving/Resuming Study with RDB Backend", MLflow's "Hyperparameter tuning with child runs", a metric at a time.
Several of it share the study, as Optuna's "Easy Parallelization" says. Called as: naive N_TRIALS.
"""

import os
import sys
import warnings

import mlflow
import optuna
import pandas as pd
import torch

warnings.simplefilter("ignore")
from fastai.text.all import AWD_LSTM, TextDataLoaders, accuracy, text_classifier_learner  # noqa: E402


def objective(trial):
    drop_mult = trial.suggest_float("drop_mult", 0.05, 1.0)
    lr = trial.suggest_float("lr", 1e-3, 1e-1, log=True)
    with mlflow.start_run(nested=True):
        mlflow.log_params(trial.params)
        dls = TextDataLoaders.from_df(
            pd.read_csv("texts.csv"), text_col="text", label_col="label", valid_col="is_valid", bs=32, num_workers=0
        )
        learn = text_classifier_learner(
            dls,
            AWD_LSTM,
            drop_mult=drop_mult,
            config={"emb_sz": 64, "n_hid": 64, "n_layers": 2},
            pretrained=False,
            metrics=accuracy,
        )
        with learn.no_bar(), learn.no_logging():
            learn.fit_one_cycle(1, lr)
        for name, value in zip(learn.recorder.metric_names[1:-1], learn.recorder.values[-1], strict=True):
            mlflow.log_metric(name, value, step=0)
        value = learn.recorder.values[-1][-1]
    print(f"trial {trial.number}: {value:.3f}", flush=True)
    return value


def main(n_trials):
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    mlflow.set_tracking_uri(f"sqlite:///naive-mlflow-{os.getpid()}.db")  # two that create one break each other
    mlflow.set_experiment("naive")
    storage = f"sqlite:///naive-{os.getpid()}.db"
    study = optuna.create_study(storage=storage, study_name="naive", direction="maximize", load_if_exists=True)
    with mlflow.start_run():
        study.optimize(objective, n_trials=n_trials)


if __name__ == "__main__":
    main(int(sys.argv[1]))
