"""Ray Tune with OptunaSearch and MLflowLoggerCallback, as its documentation shows; two slots of one processor each.

Ray's guide "Running Tune experiments with Optuna" and "Using MLflow with Tune"; texts are read once a worker.
Called as: ray_tune N_TRIALS.
"""

import sys

from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.search import ConcurrencyLimiter
from ray.tune.search.optuna import OptunaSearch


def train(config, table):
    import warnings

    warnings.simplefilter("ignore")
    import torch
    from fastai.text.all import AWD_LSTM, TextDataLoaders, accuracy, text_classifier_learner

    torch.set_num_threads(1)
    dls = TextDataLoaders.from_df(table, text_col="text", label_col="label", valid_col="is_valid", bs=32, num_workers=0)
    sizes = {"emb_sz": 64, "n_hid": 64, "n_layers": 2}
    learn = text_classifier_learner(
        dls, AWD_LSTM, drop_mult=config["drop_mult"], config=sizes, pretrained=False, metrics=accuracy
    )
    with learn.no_bar(), learn.no_logging():
        learn.fit_one_cycle(1, config["lr"])
    loss, valid_loss, value = learn.recorder.values[-1]
    tune.report({"accuracy": value, "valid_loss": valid_loss, "train_loss": loss})


class Marks(tune.Callback):
    """Says when a trial has ended, for whoever measures."""

    def on_trial_complete(self, iteration, trials, trial, **_):
        print(f"trial {trial.trial_id}: done", flush=True)


def main(n_trials):
    from pathlib import Path

    import pandas as pd
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    tuner = tune.Tuner(
        tune.with_parameters(train, table=pd.read_csv("texts.csv")),
        tune_config=tune.TuneConfig(
            metric="accuracy",
            mode="max",
            search_alg=ConcurrencyLimiter(OptunaSearch(), max_concurrent=2),
            num_samples=n_trials,
        ),
        param_space={"drop_mult": tune.uniform(0.05, 1.0), "lr": tune.loguniform(1e-3, 1e-1)},
        run_config=tune.RunConfig(
            storage_path=str(Path("ray").absolute()),
            verbose=0,
            callbacks=[
                MLflowLoggerCallback(tracking_uri="sqlite:///ray-mlflow.db", experiment_name="ray"),
                Marks(),
            ],
        ),
    )
    tuner.fit()


if __name__ == "__main__":
    main(int(sys.argv[1]))
